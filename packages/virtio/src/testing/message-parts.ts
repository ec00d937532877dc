// Messages made of parts, for tests.
const encoder = new TextEncoder();

/** Little-endian parts of a message: [value, bytes], text after its length in 2 bytes, or bytes. */
export type Part = readonly [value: number, bytes: 1 | 2 | 4 | 8] | string | Uint8Array;

export function packParts(parts: readonly Part[]): Uint8Array {
  const bytes: number[] = [];
  const add = (value: number, count: number): void => {
    for (let i = 0; i < count; i++) bytes.push(Math.floor(value / 256 ** i) % 256);
  };
  for (const part of parts) {
    if (typeof part === 'string') {
      const encoded = encoder.encode(part);
      add(encoded.length, 2);
      bytes.push(...encoded);
    } else if (part instanceof Uint8Array) bytes.push(...part);
    else add(part[0], part[1]);
  }
  return Uint8Array.from(bytes);
}

/** Text before a NUL. */
export const terminated = (text: string): Uint8Array => encoder.encode(`${text}\0`);
