// ImageError: what is wrong with an image the user gave us, or why it does not fit into this machine.

/**
 * - `not-an-image`: nothing we know how to boot; the message says what it looks like instead.
 * - `truncated`: the file ends before what its own headers promise.
 * - `malformed`: headers that contradict themselves or their specification.
 * - `unsupported`: a valid image that asks for something we do not have.
 * - `unpack-failed`: compressed data that is damaged, or bigger than allowed.
 * - `outside-ram`: a segment or entry point where this machine has no RAM.
 * - `memory-too-small`: the machine's memory cannot hold the image.
 * - `initrd-does-not-fit`: no room for the initrd (or a module) beside the kernel.
 * - `command-line-too-long`: longer than the kernel or the boot area takes.
 * - `cpu-feature-missing`: the image needs a CPU feature the chosen model lacks.
 */
export type ImageErrorCode =
  | 'not-an-image'
  | 'truncated'
  | 'malformed'
  | 'unsupported'
  | 'unpack-failed'
  | 'outside-ram'
  | 'memory-too-small'
  | 'initrd-does-not-fit'
  | 'command-line-too-long'
  | 'cpu-feature-missing';

/** The one error loaders throw. The message says what is wrong, where, and what to do. */
export class ImageError extends Error {
  override readonly name = 'ImageError';
  readonly code: ImageErrorCode;

  constructor(code: ImageErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** An address or offset as messages show it. */
export function hex(value: number): string {
  return value < 0 ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
}

/** A size as messages show it: whole MiB (rounded up) from 1 MiB on, else bytes. */
export function mebibytes(byteLength: number): string {
  if (byteLength < 0x100000) return `${byteLength} bytes`;
  return `${Math.ceil(byteLength / 0x100000)} MiB`;
}
