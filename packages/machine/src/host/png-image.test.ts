import { crc32, inflateSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { encodePng } from './png-image.js';

it('a picture becomes a PNG image, chunk by chunk', () => {
  const pixels = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]);
  const file = Buffer.from(encodePng({ width: 2, height: 3, pixels }));
  expect(file.toString('latin1', 0, 8)).toBe('\x89PNG\r\n\x1a\n');
  const chunks: [string, Buffer][] = [];
  for (let at = 8; at < file.length; ) {
    const length = file.readUInt32BE(at);
    const body = file.subarray(at + 4, at + 8 + length);
    expect(file.readUInt32BE(at + 8 + length)).toBe(crc32(body));
    chunks.push([body.toString('latin1', 0, 4), body.subarray(4)]);
    at += 12 + length;
  }
  expect(chunks.map(([type]) => type)).toEqual(['IHDR', 'IDAT', 'IEND']);
  expect([...chunks[0][1]]).toEqual([0, 0, 0, 2, 0, 0, 0, 3, 8, 2, 0, 0, 0]);
  const rows = [...inflateSync(chunks[1][1])];
  expect(rows).toEqual([
    ...[0, 1, 2, 3, 4, 5, 6],
    ...[0, 7, 8, 9, 10, 11, 12],
    ...[0, 13, 14, 15, 16, 17, 18],
  ]);
});
