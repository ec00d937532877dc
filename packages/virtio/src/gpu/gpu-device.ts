// GpuDevice: the graphics device with one display, in two dimensions. VIRTIO 1.2 §5.7.
// The driver draws in its own memory, has rectangles of that copied to the host, and says when they are to be seen. What it asks for
// is done in order, so a fence is signalled by the answer. Much of it at once waits until the guest's slice is over.
import { readConfigSpace } from '../device/config-space.js';
import type { AccessSize, DriverConnection, VirtioDevice } from '../device/virtio-device.js';
import type { DescriptorChain } from '../queue/descriptor-chain.js';
import { SavedState } from '../saved-state.js';
import * as G from '../spec/gpu.js';
import { isWithin, type Rectangle } from './rectangle.js';
import { pixelBytes, type Resource2dState } from './resource-2d.js';
import { ResourceTable } from './resource-table.js';
import { type Picture, Scanout, type ScanoutState } from './scanout.js';

const CONTROL_QUEUE = 0;
const CONTROL_SIZE = 64;
const CURSOR_SIZE = 16;
const DEFAULT_MAX_BYTES = 32 << 20;
/** Bytes of pictures that are looked at in one go. */
const MAX_BYTES_AT_ONCE = 16 << 20;
const TWO_32 = 4294967296;
/** Where the words after the header begin. */
const BODY = G.GPU_HEADER_BYTES;
const ENTRIES_AT = BODY + 8;

export interface GpuDeviceOptions {
  /** The display's size in pixels, which the driver is told. */
  readonly width: number;
  readonly height: number;
  /** Bytes of the host's memory that the driver's pictures may take; the display takes as much again at most. Default: 32 MiB. */
  readonly maxResourceBytes?: number;
  /** The driver got answers outside of a slice. */
  readonly onCompletion?: () => void;
}

/** Saved state of a {@link GpuDevice}. */
export interface GpuDeviceState {
  readonly version: 1;
  readonly width: number;
  readonly height: number;
  /** VIRTIO_GPU_EVENT_*, not cleared yet. */
  readonly events: number;
  readonly resources: readonly Resource2dState[];
  readonly scanout: ScanoutState | null;
}

export class GpuDevice implements VirtioDevice {
  readonly deviceId: number = G.VIRTIO_ID_GPU;
  readonly features = 0n;
  readonly queueSizes: readonly number[] = [CONTROL_SIZE, CURSOR_SIZE];
  readonly configBytes: number = G.GPU_CONFIG_BYTES;
  #width: number;
  #height: number;
  readonly #maxBytes: number;
  readonly #config: DataView = new DataView(new ArrayBuffer(G.GPU_CONFIG_BYTES));
  readonly #resources: ResourceTable;
  readonly #bytes: Uint8Array = new Uint8Array(G.GPU_REQUEST_BYTES);
  readonly #request: DataView = new DataView(this.#bytes.buffer);
  #scanout: Scanout | null = null;
  /** Memory of scanouts that are gone. */
  #spare: Uint8Array = new Uint8Array();
  readonly #onCompletion: () => void;
  /** Bytes of pictures that were looked at in this go. */
  #bytesAtOnce = 0;
  /** The control queue waits for the next go. */
  #isPaused = false;
  #driver: DriverConnection | null = null;

  constructor(options: GpuDeviceOptions) {
    this.#width = options.width;
    this.#height = options.height;
    this.#maxBytes = options.maxResourceBytes ?? DEFAULT_MAX_BYTES;
    this.#onCompletion = options.onCompletion ?? (() => {});
    this.#resources = new ResourceTable(this.#maxBytes);
    this.#config.setUint32(G.GPU_CONFIG_NUM_SCANOUTS, 1, true);
  }

  /** What is on the display; null while the driver shows nothing. */
  picture(): Picture | null {
    return this.#scanout?.picture() ?? null;
  }

  /** The display has another size now, of which the driver is told. */
  resize(width: number, height: number): void {
    this.#width = width;
    this.#height = height;
    this.#config.setUint32(G.GPU_CONFIG_EVENTS_READ, G.VIRTIO_GPU_EVENT_DISPLAY, true);
    this.#driver?.configChanged();
  }

  readConfig(offset: number, size: AccessSize): number {
    return readConfigSpace(this.#config, offset, size);
  }

  writeConfig(offset: number, size: AccessSize, value: number): void {
    if (offset !== G.GPU_CONFIG_EVENTS_CLEAR || size !== 4) return;
    const events = this.#config.getUint32(G.GPU_CONFIG_EVENTS_READ, true);
    this.#config.setUint32(G.GPU_CONFIG_EVENTS_READ, events & ~value, true);
  }

  activate(driver: DriverConnection): void {
    this.#driver = driver;
  }

  notified(index: number): void {
    const queue = this.#driver?.queue(index);
    const isControl = index === CONTROL_QUEUE;
    if (!queue || (isControl && this.#isPaused)) return;
    this.#bytesAtOnce = 0;
    while (this.#bytesAtOnce <= MAX_BYTES_AT_ONCE) {
      const chain = queue.pop();
      if (chain === null) break;
      this.#bytes.fill(0);
      chain.read(0, this.#bytes);
      const answer = isControl ? this.#execute(chain) : this.#moveCursor();
      queue.push(chain, chain.write(0, answer));
    }
    this.#driver?.publish(index);
    if (this.#bytesAtOnce > MAX_BYTES_AT_ONCE) this.#pause();
  }

  queueReset(): void {}

  reset(): void {
    this.#driver = null;
    this.#isPaused = false;
    this.#scanout = null;
    this.#spare = new Uint8Array();
    this.#resources.clear();
  }

  save(): GpuDeviceState {
    return {
      version: 1,
      width: this.#width,
      height: this.#height,
      events: this.#config.getUint32(G.GPU_CONFIG_EVENTS_READ, true),
      resources: this.#resources.save(),
      scanout: this.#scanout?.save() ?? null,
    };
  }

  restore(state: unknown): void {
    const reader = new SavedState('virtio graphics device', state, 1);
    const width = reader.integer('width', 0, 0xffff);
    const height = reader.integer('height', 0, 0xffff);
    const events = reader.integer('events', 0, G.VIRTIO_GPU_EVENT_DISPLAY);
    const place = this.#resources.restored(reader, 'resources');
    const saved = reader.value('scanout');
    const scanout = saved === null ? null : Scanout.restored(saved, this.#maxBytes);
    place();
    this.#width = width;
    this.#height = height;
    this.#config.setUint32(G.GPU_CONFIG_EVENTS_READ, events, true);
    this.#scanout = scanout;
  }

  /** Goes on between slices. */
  #pause(): void {
    this.#isPaused = true;
    void Promise.resolve().then(() => {
      if (!this.#isPaused) return;
      this.#isPaused = false;
      this.notified(CONTROL_QUEUE);
      this.#onCompletion();
    });
  }

  /** Does what a request asks for; the answer. */
  #execute(chain: DescriptorChain): Uint8Array {
    const type = this.#word(0);
    if (type === G.VIRTIO_GPU_CMD_GET_DISPLAY_INFO) return this.#displayInfo();
    return this.#answer(this.#change(type, chain));
  }

  /** A cursor may be anywhere: there is none to be seen. */
  #moveCursor(): Uint8Array {
    const type = this.#word(0);
    const isKnown =
      type === G.VIRTIO_GPU_CMD_UPDATE_CURSOR || type === G.VIRTIO_GPU_CMD_MOVE_CURSOR;
    return this.#answer(isKnown ? G.VIRTIO_GPU_RESP_OK_NODATA : G.VIRTIO_GPU_RESP_ERR_UNSPEC);
  }

  /** VIRTIO_GPU_RESP_*. */
  #change(type: number, chain: DescriptorChain): number {
    const resources = this.#resources;
    const id = this.#word(BODY);
    switch (type) {
      case G.VIRTIO_GPU_CMD_RESOURCE_CREATE_2D:
        return this.#create(id);
      case G.VIRTIO_GPU_CMD_RESOURCE_UNREF:
        if (this.#scanout?.resourceId === id) this.#leaveScanout();
        return resources.remove(id);
      case G.VIRTIO_GPU_CMD_SET_SCANOUT:
        return this.#setScanout();
      case G.VIRTIO_GPU_CMD_RESOURCE_FLUSH:
        return this.#flush();
      case G.VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D:
        return this.#transfer();
      case G.VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING:
        return this.#attach(id, chain);
      case G.VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING:
        return resources.detach(id);
      default:
        return G.VIRTIO_GPU_RESP_ERR_UNSPEC;
    }
  }

  #create(id: number): number {
    const [format, width, height] = [4, 8, 12].map((at) => this.#word(BODY + at));
    const status = this.#resources.create(id, format, width, height);
    if (status === G.VIRTIO_GPU_RESP_OK_NODATA) this.#bytesAtOnce += pixelBytes(width, height);
    return status;
  }

  #leaveScanout(): void {
    if (this.#scanout && this.#scanout.memory.byteLength > this.#spare.byteLength)
      this.#spare = this.#scanout.memory;
    this.#scanout = null;
  }

  #setScanout(): number {
    const part = this.#rectangle();
    const id = this.#word(BODY + 20);
    if (this.#word(BODY + 16) !== 0) return G.VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID;
    const resource = this.#resources.get(id);
    if (id !== 0 && !resource) return G.VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    if (resource && !isWithin(part, resource.width, resource.height))
      return G.VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
    this.#leaveScanout();
    if (!resource) return G.VIRTIO_GPU_RESP_OK_NODATA;
    this.#scanout = new Scanout(id, resource.format, part, this.#spare);
    this.#bytesAtOnce += pixelBytes(part.width, part.height);
    return G.VIRTIO_GPU_RESP_OK_NODATA;
  }

  #flush(): number {
    const part = this.#rectangle();
    const resource = this.#resources.get(this.#word(BODY + 16));
    if (!resource) return G.VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    if (!isWithin(part, resource.width, resource.height))
      return G.VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
    this.#bytesAtOnce += pixelBytes(part.width, part.height);
    if (this.#scanout?.resourceId === resource.id) this.#scanout.flush(resource, part);
    return G.VIRTIO_GPU_RESP_OK_NODATA;
  }

  #transfer(): number {
    const part = this.#rectangle();
    const offset = this.#word(BODY + 20) * TWO_32 + this.#word(BODY + 16);
    const resource = this.#resources.get(this.#word(BODY + 24));
    if (!resource) return G.VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    this.#bytesAtOnce += Math.min(pixelBytes(part.width, part.height), resource.pixels.byteLength);
    const memory = this.#driver?.memory;
    const isDone = memory !== undefined && resource.transfer(memory, part, offset);
    return isDone ? G.VIRTIO_GPU_RESP_OK_NODATA : G.VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
  }

  #attach(id: number, chain: DescriptorChain): number {
    const count = this.#word(BODY + 4);
    const status = this.#resources.mayAttach(id, count);
    if (status !== G.VIRTIO_GPU_RESP_OK_NODATA) return status;
    const entries = new DataView(new ArrayBuffer(count * G.GPU_ENTRY_BYTES));
    if (chain.read(ENTRIES_AT, new Uint8Array(entries.buffer)) < entries.byteLength)
      return G.VIRTIO_GPU_RESP_ERR_UNSPEC;
    const numbers: number[] = [];
    for (let at = 0; at < entries.byteLength; at += G.GPU_ENTRY_BYTES) {
      // What is beyond 2^53 is rounded, and beyond all RAM.
      numbers.push(entries.getUint32(at + 4, true) * TWO_32 + entries.getUint32(at, true));
      numbers.push(entries.getUint32(at + 8, true));
    }
    this.#resources.attach(id, numbers);
    return status;
  }

  #word(at: number): number {
    return this.#request.getUint32(at, true);
  }

  /** Every rectangle is the first thing after the header. */
  #rectangle(): Rectangle {
    const [x, y, width, height] = [0, 4, 8, 12].map((at) => this.#word(BODY + at));
    return { x, y, width, height };
  }

  /** An answer of this type, with the fence that was asked for. */
  #answer(type: number, byteLength: number = G.GPU_HEADER_BYTES): Uint8Array {
    const answer = new Uint8Array(byteLength);
    const view = new DataView(answer.buffer);
    view.setUint32(0, type, true);
    if (this.#word(G.GPU_HEADER_FLAGS) & G.VIRTIO_GPU_FLAG_FENCE) {
      answer.set(this.#bytes.subarray(8, G.GPU_HEADER_BYTES), 8);
      view.setUint32(G.GPU_HEADER_FLAGS, G.VIRTIO_GPU_FLAG_FENCE, true);
    }
    return answer;
  }

  #displayInfo(): Uint8Array {
    const byteLength = G.GPU_HEADER_BYTES + G.VIRTIO_GPU_MAX_SCANOUTS * G.GPU_SCANOUT_INFO_BYTES;
    const answer = this.#answer(G.VIRTIO_GPU_RESP_OK_DISPLAY_INFO, byteLength);
    const view = new DataView(answer.buffer);
    view.setUint32(BODY + 8, this.#width, true);
    view.setUint32(BODY + 12, this.#height, true);
    view.setUint32(BODY + 16, 1, true);
    return answer;
  }
}
