// Reading the files that a command line names, with an error that says what is wrong with which.
import { type FileHandle, open } from 'node:fs/promises';
import { CommandError } from './command-error.js';
import { EXIT_FAILURE, EXIT_NOT_FOUND } from './exit-code.js';

/** More than any machine's memory holds. */
const MAX_BYTES = 4032 * 1024 * 1024;

/** What came out of pipes: they can be read only once, and a guest may have to be built again. */
const pipes = new Map<string, Uint8Array>();

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'is not readable: permission denied',
  EPERM: 'is not readable: not permitted',
  ENOTDIR: 'does not exist: a part of its path is no directory',
  ELOOP: 'is not readable: too many symbolic links',
  ENAMETOOLONG: 'does not exist: the name is too long',
};

/**
 * The contents of a file or pipe.
 * @param what what it is for, as messages name it: `kernel`
 * @throws CommandError when it is missing (exit code 4), a directory or device, unreadable, empty or too large
 */
export async function readInputFile(path: string, what: string): Promise<Uint8Array> {
  const bytes = await readAny(path, what);
  if (bytes.length === 0) throw new CommandError(`${what} '${path}' is empty`);
  return bytes;
}

async function readAny(path: string, what: string): Promise<Uint8Array> {
  const read = pipes.get(path);
  if (read) return read;
  let file: FileHandle | undefined;
  try {
    file = await open(path);
    const status = await file.stat();
    if (status.isDirectory()) throw new CommandError(`${what} '${path}' is a directory`);
    if (!status.isFile() && !status.isFIFO())
      throw new CommandError(`${what} '${path}' is a device, not a file`);
    if (status.size > MAX_BYTES)
      throw new CommandError(`${what} '${path}' is larger than any machine's memory`);
    if (!status.isFIFO()) return await readRegular(file, status.size);
    const bytes = await readPipe(file, path, what);
    pipes.set(path, bytes);
    return bytes;
  } catch (error) {
    throw describe(error, path, what);
  } finally {
    await file?.close();
  }
}

/** In pieces: one read takes at most 2 GiB. */
async function readRegular(file: FileHandle, byteLength: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(byteLength);
  let length = 0;
  while (length < byteLength) {
    const pieceLength = Math.min(byteLength - length, 1 << 28);
    const { bytesRead } = await file.read(bytes, length, pieceLength, length);
    if (bytesRead === 0) break; // it shrank
    length += bytesRead;
  }
  return bytes.subarray(0, length);
}

async function readPipe(file: FileHandle, path: string, what: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of file.createReadStream({ autoClose: false })) {
    length += chunk.length;
    if (length > MAX_BYTES)
      throw new CommandError(`${what} '${path}' is larger than any machine's memory`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function describe(error: unknown, path: string, what: string): Error {
  if (error instanceof CommandError) return error;
  const { code = '', message = '' } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT')
    return new CommandError(`${what} '${path}' does not exist`, EXIT_NOT_FOUND);
  const reason = reasons[code] ?? `is not readable: ${message}`;
  return new CommandError(`${what} '${path}' ${reason}`, EXIT_FAILURE, { cause: error });
}
