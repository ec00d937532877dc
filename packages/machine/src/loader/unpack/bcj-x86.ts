// @hot
// The x86 branch filter of XZ (BCJ, filter 0x04): compressors turn the relative targets of CALL and JMP into absolute
// ones, because those repeat; this turns them back. Which E8/E9 bytes are taken for instructions is a heuristic over the
// opcode-like bytes seen just before, and must be followed to the bit. XZ file format §5.3.2.

/** Only targets within ±16 MiB are converted, so the most significant byte is a sign extension. */
function isSignByte(byte: number): boolean {
  return byte === 0x00 || byte === 0xff;
}

// `seen` has a bit for each of the last three bytes that looked like an opcode (bit 0: the last).
/** Bit n: a candidate with `seen` = n may be an instruction. */
const ALLOWED = 0b0001_0111;
/** By `seen`: how many bytes back the oldest opcode-like byte is that still overlaps this operand. */
const OVERLAP = Uint8Array.of(0, 1, 2, 2, 3, 3, 3, 3);

/** Converts `bytes` in place. `start` is the address of `bytes[0]` (the filter's property, normally 0). */
export function unfilterX86(bytes: Uint8Array, start: number): void {
  const end = bytes.length - 4;
  let previous = -1;
  let seen = 0;
  for (let i = 0; i < end; i++) {
    if ((bytes[i] & 0xfe) !== 0xe8) continue;
    const gap = i - previous;
    previous = i;
    seen = gap > 3 ? 0 : (seen << (gap - 1)) & 7;
    if (seen !== 0) {
      const overlapped = bytes[i + 4 - OVERLAP[seen]];
      if (((ALLOWED >> seen) & 1) === 0 || isSignByte(overlapped)) {
        seen = (seen << 1) | 1;
        continue;
      }
    }
    if (!isSignByte(bytes[i + 4])) {
      seen = (seen << 1) | 1;
      continue;
    }
    const next = (start + i + 5) | 0;
    let source = bytes[i + 1] | (bytes[i + 2] << 8) | (bytes[i + 3] << 16) | (bytes[i + 4] << 24);
    let target = 0;
    for (;;) {
      target = (source - next) | 0;
      if (seen === 0) break;
      const shift = OVERLAP[seen] * 8;
      if (!isSignByte((target >>> (24 - shift)) & 0xff)) break;
      source = target ^ (2 ** (32 - shift) - 1);
    }
    bytes[i + 1] = target;
    bytes[i + 2] = target >> 8;
    bytes[i + 3] = target >> 16;
    // Bit 24 extended over the top byte.
    bytes[i + 4] = (target >> 24) & 1 ? 0xff : 0x00;
    // The operand is not scanned for opcodes. `previous` stays at the opcode: the gap is then 5 or more.
    i += 4;
  }
}
