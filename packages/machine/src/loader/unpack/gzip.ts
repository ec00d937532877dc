// gzip (RFC 1952) through fflate, fed in small pieces so that output can be bounded; fflate does not check the CRC, we do.
import { Gunzip } from 'fflate';
import { ImageError } from '../load-error.js';
import { crc32 } from './crc.js';
import { damaged, GrowingOutput } from './growing-output.js';

/** Input fed at once, in bytes; DEFLATE grows at most 1032-fold, so one piece adds at most 33 MiB before the limit is seen. */
const PIECE = 0x8000;

export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === 8;
}

/** @throws ImageError `unpack-failed` */
export function unpackGzip(bytes: Uint8Array, limit: number): Uint8Array {
  if (bytes.length < 18 || !isGzip(bytes)) throw damaged('gzip', 'it ends too early');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const expected = view.getUint32(bytes.length - 4, true);
  const output = new GrowingOutput('gzip', limit, expected <= limit ? expected : 0);
  let members = 1;
  try {
    const gunzip = new Gunzip((chunk) => output.append(chunk));
    gunzip.onmember = () => {
      members++;
    };
    for (let at = 0; at < bytes.length; at += PIECE) {
      gunzip.push(bytes.subarray(at, at + PIECE), at + PIECE >= bytes.length);
    }
  } catch (cause) {
    if (cause instanceof ImageError) throw cause;
    throw damaged('gzip', cause instanceof Error ? cause.message : 'unknown error', cause);
  }
  const unpacked = output.finish();
  if (members === 1) {
    if (expected !== unpacked.length) throw damaged('gzip', 'length differs');
    if (crc32(unpacked) !== view.getUint32(bytes.length - 8, true)) {
      throw damaged('gzip', 'checksum differs');
    }
  }
  return unpacked;
}
