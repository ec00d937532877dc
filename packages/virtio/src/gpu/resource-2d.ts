// Resource2d: a picture that the driver draws into. Its pixels are the host's copy; the guest's own are in its backing.
import type { DeviceMemory } from '../queue/device-memory.js';
import { SavedState } from '../saved-state.js';
import { gpuFormats } from '../spec/gpu.js';
import { Backing } from './backing.js';
import { isWithin, type Rectangle } from './rectangle.js';

export const PIXEL_BYTES = 4;

/** Saved state of a {@link Resource2d}. */
export interface Resource2dState {
  readonly version: 1;
  readonly id: number;
  readonly format: number;
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
  /** Address, length, address, length … */
  readonly backing: readonly number[];
}

/** Bytes of pixels of a picture of this size. */
export const pixelBytes = (width: number, height: number): number => width * height * PIXEL_BYTES;

export class Resource2d {
  readonly id: number;
  readonly format: number;
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
  backing: Backing | null = null;

  constructor(id: number, format: number, width: number, height: number) {
    this.id = id;
    this.format = format;
    this.width = width;
    this.height = height;
    this.pixels = new Uint8Array(pixelBytes(width, height));
  }

  /** Copies a rectangle from the backing, whose byte `offset` is the rectangle's first; false if it is not all there. */
  transfer(memory: DeviceMemory, part: Rectangle, offset: number): boolean {
    const { backing, pixels, width, height } = this;
    if (!backing || !isWithin(part, width, height)) return false;
    const stride = width * PIXEL_BYTES;
    const first = part.y * stride + part.x * PIXEL_BYTES;
    // Whole rows follow one another.
    const isWhole = part.width === width;
    const rowBytes = isWhole ? stride * part.height : part.width * PIXEL_BYTES;
    const rows = isWhole ? 1 : part.height;
    backing.rewind();
    for (let row = 0; row < rows; row++) {
      const at = first + row * stride;
      if (!backing.read(memory, offset + row * stride, pixels.subarray(at, at + rowBytes)))
        return false;
    }
    return true;
  }

  save(): Resource2dState {
    const { id, format, width, height } = this;
    const backing = this.backing?.numbers ?? [];
    return { version: 1, id, format, width, height, pixels: this.pixels.slice(), backing };
  }

  /** @throws RangeError */
  static restored(state: unknown, maxBytes: number, maxEntries: number): Resource2d {
    const reader: SavedState = new SavedState('virtio graphics resource', state, 1);
    const id = reader.integer('id', 1, 0xffff_ffff);
    const format = reader.integer('format', 0, 0xffff_ffff);
    if (!gpuFormats.has(format)) reader.reject('format', 'a format of pixels');
    const width = reader.integer('width', 1, maxBytes);
    const height = reader.integer('height', 1, maxBytes);
    const byteLength = pixelBytes(width, height);
    if (byteLength > maxBytes) reader.reject('width', `a picture of at most ${maxBytes} bytes`);
    const pixels = reader.bytes('pixels', byteLength);
    const backing = reader.integers('backing', Number.MAX_SAFE_INTEGER, 0, 2 * maxEntries);
    if (backing.length % 2 !== 0) reader.reject('backing', 'pairs of address and length');
    const resource = new Resource2d(id, format, width, height);
    resource.pixels.set(pixels);
    if (backing.length > 0) resource.backing = new Backing(backing);
    return resource;
  }
}
