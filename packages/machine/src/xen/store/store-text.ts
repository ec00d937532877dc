// Strings of the store: bytes and characters U+0000 to U+00FF map one to one, so that paths, names and tokens survive as they came.

export function textOf(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** The bytes of `text`, whose characters are below U+0100. */
export function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** C's atoi, of a string that a domain sent: what follows the number does not matter, and no number is 0. */
export function leadingInteger(text: string): number {
  const digits = /^\s*([+-]?\d+)/.exec(text)?.[1];
  return digits === undefined ? 0 : Number(digits) | 0;
}
