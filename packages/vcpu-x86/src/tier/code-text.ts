// Generated code as text (base64), which the build puts into the bundle.

export function textOfBytes(bytes: Uint8Array): string {
  let characters = '';
  for (const byte of bytes) characters += String.fromCharCode(byte);
  return btoa(characters);
}

export function bytesOfText(text: string): Uint8Array<ArrayBuffer> {
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  // Thousands of bytes at every start: a call for each of them, as Uint8Array.from makes, takes several times as long.
  for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
  return bytes;
}
