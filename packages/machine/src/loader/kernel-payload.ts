// The vmlinux inside a bzImage: finding and unpacking it, so that a kernel can be entered by its ELF notes (PVH).
import { isElf } from './elf.js';
import { ImageError } from './load-error.js';
import { sniffPayload, unpackPayload } from './payload.js';
import type { SetupHeader } from './setup-header.js';

/**
 * Unpacks the payload to an ELF image (with relocation tables behind it, if the kernel is relocatable).
 * @throws ImageError `unsupported` (no payload, unknown compression), `truncated`, `unpack-failed`
 */
export function unpackKernelPayload(header: SetupHeader, limit?: number): Uint8Array {
  const { payloadOffset, payloadLength, kernel } = header;
  const name = header.view.what;
  if (payloadLength === 0) {
    throw new ImageError('unsupported', `${name} does not say where its compressed kernel is`);
  }
  if (payloadOffset + payloadLength > kernel.length) {
    throw new ImageError('truncated', `${name} is truncated: its compressed kernel is cut off`);
  }
  let payload = kernel.subarray(payloadOffset, payloadOffset + payloadLength);
  let image = payload;
  if (!isElf(payload)) {
    const bound = limit === undefined ? {} : { limit };
    if (sniffPayload(payload) === 'gzip' || payloadLength < 8) {
      image = unpackPayload(payload, bound);
    } else {
      // The kernel's build appends the unpacked size to every format but gzip, which has it itself.
      const at = payloadLength - 4;
      const expected = new DataView(payload.buffer, payload.byteOffset + at, 4).getUint32(0, true);
      payload = payload.subarray(0, at);
      image = unpackPayload(payload, { ...bound, expected });
      if (image.length !== expected) {
        throw new ImageError(
          'unpack-failed',
          `${name}: the compressed kernel unpacks to ${image.length} bytes instead of ${expected}; the file is damaged`,
        );
      }
    }
  }
  if (!isElf(image)) {
    throw new ImageError('unsupported', `${name}: the compressed kernel is not an ELF image`);
  }
  return image;
}
