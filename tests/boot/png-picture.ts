// Reads PNG images without filters, in 8-bit red, green and blue, and checks all of their structure.
import { crc32, inflateSync } from 'node:zlib';

export interface PngPicture {
  readonly width: number;
  readonly height: number;
  /** Red, green and blue of a pixel. */
  pixel(x: number, y: number): readonly number[];
}

/** @throws Error for what is wrong, or is another kind of PNG */
export function decodePng(file: Uint8Array): PngPicture {
  const bytes = Buffer.from(file);
  if (bytes.toString('latin1', 0, 8) !== '\x89PNG\r\n\x1a\n') throw new Error('no PNG image');
  const chunks = new Map<string, Buffer>();
  for (let at = 8; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    const body = bytes.subarray(at + 4, at + 8 + length);
    if (crc32(body) !== bytes.readUInt32BE(at + 8 + length)) throw new Error(`checksum at ${at}`);
    chunks.set(body.toString('latin1', 0, 4), body.subarray(4));
    at += length + 12;
  }
  if ([...chunks.keys()].join() !== 'IHDR,IDAT,IEND') throw new Error([...chunks.keys()].join());
  const header = chunks.get('IHDR') as Buffer;
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  if (header.toString('hex', 8) !== '0802000000') throw new Error('another kind of PNG');
  const rows = inflateSync(chunks.get('IDAT') as Buffer);
  const rowBytes = 3 * width + 1;
  if (rows.length !== rowBytes * height) throw new Error(`${rows.length} bytes of pixels`);
  for (let y = 0; y < height; y++)
    if (rows[y * rowBytes] !== 0) throw new Error(`row ${y} has a filter`);
  const pixel = (x: number, y: number) => [
    ...rows.subarray(y * rowBytes + 1 + 3 * x, y * rowBytes + 4 + 3 * x),
  ];
  return { width, height, pixel };
}
