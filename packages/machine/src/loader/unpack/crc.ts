// The two CRCs of the gzip and XZ containers, reflected: CRC-32 (IEEE 802.3) and CRC-64 (ECMA-182), table driven.

const table32: Uint32Array = new Uint32Array(256);
for (let n = 0; n < 256; n++) {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  table32[n] = c;
}

/** CRC-32 of `bytes`, unsigned. */
export function crc32(bytes: Uint8Array): number {
  let c = -1;
  for (let i = 0; i < bytes.length; i++) c = table32[(c ^ bytes[i]) & 0xff] ^ (c >>> 8);
  return (c ^ -1) >>> 0;
}

const low64: Int32Array = new Int32Array(256);
const high64: Int32Array = new Int32Array(256);
for (let n = 0; n < 256; n++) {
  let low = n;
  let high = 0;
  for (let k = 0; k < 8; k++) {
    const carry = low & 1;
    low = (low >>> 1) | (high << 31);
    high >>>= 1;
    if (carry) {
      low ^= 0xd7870f42;
      high ^= 0xc96c5795;
    }
  }
  low64[n] = low;
  high64[n] = high;
}

/** CRC-64 of `bytes` as two unsigned 32-bit halves, low half first (the order XZ stores them in). */
export function crc64(bytes: Uint8Array): [low: number, high: number] {
  let low = -1;
  let high = -1;
  for (let i = 0; i < bytes.length; i++) {
    const n = (low ^ bytes[i]) & 0xff;
    low = ((low >>> 8) | (high << 24)) ^ low64[n];
    high = (high >>> 8) ^ high64[n];
  }
  return [~low >>> 0, ~high >>> 0];
}
