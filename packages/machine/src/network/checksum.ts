// The Internet checksum: ones' complement sums of 16-bit words. RFC 1071.

/** Sum of the 16-bit words of a range, the last byte padded, on top of `start`; not folded. Words of 32 bits are as good for that. */
export function sum16(view: DataView, from: number, to: number, start = 0): number {
  let sum = start;
  let at = from;
  for (; at + 3 < to; at += 4) sum += view.getUint32(at);
  if (at + 1 < to) {
    sum += view.getUint16(at);
    at += 2;
  }
  return at < to ? sum + (view.getUint8(at) << 8) : sum;
}

/** Folds a sum to 16 bits. */
export function fold(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded % 0x1_0000) + Math.floor(folded / 0x1_0000);
  return folded;
}
