// The command line a kernel is started with, as bytes.
import { ImageError } from '../../loader/load-error.js';

/**
 * `text` without a NUL at its end.
 * @param room for it and its NUL, in bytes
 * @throws ImageError `command-line-too-long`, `malformed`
 */
export function commandLineBytes(text: string, imageName: string, room: number): Uint8Array {
  if (text.includes('\0')) {
    throw new ImageError('malformed', 'the command line contains a NUL character');
  }
  const bytes = new TextEncoder().encode(text);
  if (bytes.length < room) return bytes;
  throw new ImageError(
    'command-line-too-long',
    `the command line has ${bytes.length} bytes, ${imageName} is given at most ${room - 1}; shorten it`,
  );
}
