// PNG images of what a display shows. PNG (Third Edition, W3C): 8 bits each of red, green and blue; no filters.
import { crc32, deflateSync } from 'node:zlib';
import type { Picture } from '@proxeny/virtio';

const SIGNATURE: readonly number[] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const BITS_PER_SAMPLE = 8;
const TRUECOLOUR = 2;

/** The bytes of a file. */
export function encodePng({ width, height, pixels }: Picture): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([BITS_PER_SAMPLE, TRUECOLOUR], 8);
  const rowBytes = 3 * width;
  // Each row begins with the number of its filter.
  const rows = new Uint8Array((rowBytes + 1) * height);
  for (let row = 0; row < height; row++) {
    const at = row * rowBytes;
    rows.set(pixels.subarray(at, at + rowBytes), row * (rowBytes + 1) + 1);
  }
  const parts = [chunk('IHDR', header), chunk('IDAT', deflateSync(rows)), chunk('IEND')];
  return new Uint8Array(Buffer.concat([Uint8Array.from(SIGNATURE), ...parts]));
}

/** Length, type, data and the checksum of the last two. */
function chunk(type: string, data: Uint8Array = new Uint8Array()): Uint8Array {
  const bytes = Buffer.alloc(data.byteLength + 12);
  bytes.writeUInt32BE(data.byteLength, 0);
  bytes.write(type, 4, 'latin1');
  bytes.set(data, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, -4)), data.byteLength + 8);
  return bytes;
}
