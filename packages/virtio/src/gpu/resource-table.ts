// ResourceTable: a driver's resources by their numbers. How many there are, what their pixels take of the host's memory, and how many
// pieces their backings have is bounded.
import type { SavedState } from '../saved-state.js';
import * as G from '../spec/gpu.js';
import { Backing } from './backing.js';
import { pixelBytes, Resource2d, type Resource2dState } from './resource-2d.js';

const MAX_RESOURCES = 1024;
/** Pages of 64 MiB. */
const MAX_ENTRIES = 16_384;

export class ResourceTable {
  readonly #maxBytes: number;
  #resources: Map<number, Resource2d> = new Map();
  #bytes = 0;
  #entries = 0;

  /** @param maxBytes of pixels, all together */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get(id: number): Resource2d | null {
    return this.#resources.get(id) ?? null;
  }

  /** Makes one, all black; VIRTIO_GPU_RESP_*. */
  create(id: number, format: number, width: number, height: number): number {
    if (id === 0 || this.#resources.has(id)) return G.VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    const byteLength = pixelBytes(width, height);
    if (!G.gpuFormats.has(format) || byteLength === 0)
      return G.VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
    if (this.#bytes + byteLength > this.#maxBytes || this.#resources.size >= MAX_RESOURCES)
      return G.VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
    this.#resources.set(id, new Resource2d(id, format, width, height));
    this.#bytes += byteLength;
    return G.VIRTIO_GPU_RESP_OK_NODATA;
  }

  /** VIRTIO_GPU_RESP_*. */
  remove(id: number): number {
    const resource = this.#resources.get(id);
    if (!resource) return G.VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    this.#entries -= resource.backing?.count ?? 0;
    this.#bytes -= resource.pixels.byteLength;
    this.#resources.delete(id);
    return G.VIRTIO_GPU_RESP_OK_NODATA;
  }

  /** Whether a backing of so many pieces can be attached to a resource; VIRTIO_GPU_RESP_*. */
  mayAttach(id: number, count: number): number {
    const resource = this.#resources.get(id);
    if (!resource) return G.VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    if (resource.backing || count === 0) return G.VIRTIO_GPU_RESP_ERR_UNSPEC;
    if (this.#entries + count > MAX_ENTRIES) return G.VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
    return G.VIRTIO_GPU_RESP_OK_NODATA;
  }

  /** Attaches pieces, as {@link mayAttach} allowed: address, length, address, length … */
  attach(id: number, numbers: readonly number[]): void {
    const resource = this.#resources.get(id);
    if (!resource) return;
    resource.backing = new Backing(numbers);
    this.#entries += resource.backing.count;
  }

  /** VIRTIO_GPU_RESP_*. */
  detach(id: number): number {
    const resource = this.#resources.get(id);
    if (!resource) return G.VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    this.#entries -= resource.backing?.count ?? 0;
    resource.backing = null;
    return G.VIRTIO_GPU_RESP_OK_NODATA;
  }

  clear(): void {
    this.#resources.clear();
    this.#bytes = 0;
    this.#entries = 0;
  }

  save(): Resource2dState[] {
    return [...this.#resources.values()].map((resource) => resource.save());
  }

  /** Reads what {@link save} gave; the result puts it in place. @throws RangeError */
  restored(reader: SavedState, name: string): () => void {
    const resources = new Map<number, Resource2d>();
    let bytes = 0;
    let entries = 0;
    for (const each of reader.list(name, 0, MAX_RESOURCES)) {
      const resource = Resource2d.restored(each, this.#maxBytes - bytes, MAX_ENTRIES - entries);
      if (resources.has(resource.id)) reader.reject(name, 'resources of different numbers');
      resources.set(resource.id, resource);
      bytes += resource.pixels.byteLength;
      entries += resource.backing?.count ?? 0;
    }
    return () => {
      this.#resources = resources;
      this.#bytes = bytes;
      this.#entries = entries;
    };
  }
}
