// A reader of pcapng, for tests of what writes it; after the specification, not after our writer.
import type { CapturedPacket } from './pcapng.js';

export interface ReadCapture {
  readonly interfaces: string[];
  readonly packets: CapturedPacket[];
}

/** Options of a block from `at` on, by their codes. */
function options(view: DataView, at: number, end: number): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  while (at + 4 <= end) {
    const [code, length] = [view.getUint16(at, true), view.getUint16(at + 2, true)];
    if (code === 0) break;
    found.set(code, new Uint8Array(view.buffer, view.byteOffset + at + 4, length));
    at += 4 + Math.ceil(length / 4) * 4;
  }
  return found;
}

/** @throws Error for what is no little-endian pcapng of Ethernet in nanoseconds */
export function readPcapng(file: Uint8Array): ReadCapture {
  const capture: ReadCapture = { interfaces: [], packets: [] };
  for (let at = 0; at < file.byteLength; ) {
    const view = new DataView(file.buffer, file.byteOffset + at, file.byteLength - at);
    const [type, length] = [view.getUint32(0, true), view.getUint32(4, true)];
    if (length % 4 !== 0 || view.getUint32(length - 4, true) !== length)
      throw new Error(`a broken block at ${at}`);
    if (at === 0 && (type !== 0x0a0d0d0a || view.getUint32(8, true) !== 0x1a2b3c4d))
      throw new Error('no section header');
    if (type === 1) {
      const own = options(view, 16, length - 4);
      if (view.getUint16(8, true) !== 1) throw new Error('no Ethernet');
      if (own.get(9)?.[0] !== 9) throw new Error('no nanoseconds');
      capture.interfaces.push(new TextDecoder().decode(own.get(2)));
    } else if (type === 6) {
      const kept = view.getUint32(20, true);
      const flags = options(view, 28 + Math.ceil(kept / 4) * 4, length - 4).get(2);
      if (kept !== view.getUint32(24, true)) throw new Error('a frame that was cut');
      capture.packets.push({
        interfaceId: view.getUint32(8, true),
        timeNs: (BigInt(view.getUint32(12, true)) << 32n) | BigInt(view.getUint32(16, true)),
        isInbound: flags?.[0] === 1,
        bytes: Uint8Array.from(file.subarray(at + 28, at + 28 + kept)),
      });
    }
    at += length;
  }
  return capture;
}
