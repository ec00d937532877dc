// Scanout: what is on the display: a rectangle of a resource, as it was when the driver flushed it.
import { SavedState } from '../saved-state.js';
import { gpuFormats } from '../spec/gpu.js';
import { intersection, type Rectangle } from './rectangle.js';
import { PIXEL_BYTES, pixelBytes, type Resource2d } from './resource-2d.js';

/** What is on a display. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  /** Red, green and blue of each pixel, a byte each; rows from the top. */
  readonly pixels: Uint8Array;
}

/** Saved state of a {@link Scanout}. */
export interface ScanoutState {
  readonly version: 1;
  readonly resource: number;
  readonly format: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

export class Scanout {
  readonly resourceId: number;
  readonly #format: number;
  readonly #part: Rectangle;
  readonly #pixels: Uint8Array;

  /**
   * @param part a rectangle within the resource
   * @param spare memory that it may use, if it is large enough
   */
  constructor(resourceId: number, format: number, part: Rectangle, spare?: Uint8Array) {
    const byteLength = pixelBytes(part.width, part.height);
    const mayReuse = spare !== undefined && spare.byteLength >= byteLength;
    this.resourceId = resourceId;
    this.#format = format;
    this.#part = part;
    this.#pixels = mayReuse ? spare.subarray(0, byteLength).fill(0) : new Uint8Array(byteLength);
  }

  /** The driver wants what it drew in a part of the resource to be seen. */
  flush({ pixels, width }: Resource2d, part: Rectangle): void {
    const mine = this.#part;
    const changed = intersection(part, mine);
    const rowBytes = changed.width * PIXEL_BYTES;
    for (let row = 0; row < changed.height && rowBytes > 0; row++) {
      const from = ((changed.y + row) * width + changed.x) * PIXEL_BYTES;
      const to = ((changed.y + row - mine.y) * mine.width + changed.x - mine.x) * PIXEL_BYTES;
      this.#pixels.set(pixels.subarray(from, from + rowBytes), to);
    }
  }

  /** Its memory, for the next one. */
  get memory(): Uint8Array {
    return new Uint8Array(this.#pixels.buffer);
  }

  picture(): Picture {
    const { width, height } = this.#part;
    const [red, green, blue] = gpuFormats.get(this.#format) ?? [0, 0, 0];
    const pixels = new Uint8Array(width * height * 3);
    for (let at = 0, to = 0; at < this.#pixels.byteLength; at += PIXEL_BYTES, to += 3) {
      pixels[to] = this.#pixels[at + red];
      pixels[to + 1] = this.#pixels[at + green];
      pixels[to + 2] = this.#pixels[at + blue];
    }
    return { width, height, pixels };
  }

  save(): ScanoutState {
    const pixels = this.#pixels.slice();
    return { version: 1, resource: this.resourceId, format: this.#format, ...this.#part, pixels };
  }

  /** @throws RangeError */
  static restored(state: unknown, maxBytes: number): Scanout {
    const reader: SavedState = new SavedState('virtio scanout', state, 1);
    const resource = reader.integer('resource', 1, 0xffff_ffff);
    const format = reader.integer('format', 0, 0xffff_ffff);
    const x = reader.integer('x', 0, maxBytes);
    const y = reader.integer('y', 0, maxBytes);
    const width = reader.integer('width', 1, maxBytes);
    const height = reader.integer('height', 1, maxBytes);
    const byteLength = pixelBytes(width, height);
    if (byteLength > maxBytes) reader.reject('width', `a picture of at most ${maxBytes} bytes`);
    const pixels = reader.bytes('pixels', byteLength);
    const scanout = new Scanout(resource, format, { x, y, width, height });
    scanout.#pixels.set(pixels);
    return scanout;
  }
}
