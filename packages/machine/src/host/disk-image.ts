// Disk images by name: where their bytes are, in which format, and what lies beneath them.
import { stat } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { type BlockBackend, BlockError } from '../storage/block-backend.js';
import { type ByteFile, readPadded } from '../storage/byte-file.js';
import { type BackingName, isQcow2 } from '../storage/qcow2/header.js';
import { Qcow2Image } from '../storage/qcow2/image.js';
import { Qcow2Disk } from '../storage/qcow2/qcow2-disk.js';
import { RawDisk } from '../storage/raw-disk.js';
import { HostFile } from './host-file.js';
import { HttpFile, isHttpAddress } from './http-file.js';
import { isNbdAddress, openNbdFile } from './nbd-socket.js';

export type DiskFormat = 'raw' | 'qcow2';
export const diskFormats: readonly DiskFormat[] = ['raw', 'qcow2'];

export interface DiskImageOptions {
  readonly isReadOnly?: boolean;
  /** Told by the image's first bytes if left out. */
  readonly format?: DiskFormat;
}

/** More images one beneath the other are a mistake. */
const MAX_DEPTH = 64;
/** What other formats start with. */
const foreign: readonly (readonly [string, number, string])[] = [
  ['VMDK', 0, 'KDMV'],
  ['VHDX', 0, 'vhdxfile'],
  ['VHD', 0, 'conectix'],
  ['VDI', 0x40, '\x7f\x10\xda\xbe'],
];

/** Whether a name is an address, not a path. */
export function isAddress(name: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(name);
}

/** The bytes that a name stands for. @throws BlockError */
export async function openImageFile(
  name: string,
  options: { readonly isReadOnly: boolean },
): Promise<ByteFile> {
  if (isNbdAddress(name)) return openNbdFile(name, options);
  if (isHttpAddress(name)) {
    if (options.isReadOnly) return HttpFile.open(name);
    throw new BlockError('read-only', `${name}: can only be read: use it with ro or an overlay`);
  }
  if (!isAddress(name)) return HostFile.open(name, options);
  throw new BlockError(
    'bad-image',
    `${name}: no images are read from such an address; use http, https, nbd or nbd+unix`,
  );
}

/** @throws BlockError `bad-image` for a format that others have and we do not */
export async function detectFormat(file: ByteFile): Promise<DiskFormat> {
  const head = new Uint8Array(512);
  await readPadded(file, 0, head);
  if (isQcow2(head)) return 'qcow2';
  const text = String.fromCharCode(...head);
  for (const [name, at, magic] of foreign) {
    if (!text.startsWith(magic, at)) continue;
    throw new BlockError(
      'bad-image',
      `${file.name}: is a ${name} image, which is not supported: use qemu-img convert, or say format=raw`,
    );
  }
  return 'raw';
}

/**
 * Opens a disk image with everything beneath it, alone if it is to be written.
 * @throws BlockError whose message names the image that is at fault
 */
export function openDiskImage(name: string, options: DiskImageOptions = {}): Promise<BlockBackend> {
  return openInChain(name, options, []);
}

async function openInChain(
  name: string,
  options: DiskImageOptions,
  above: readonly string[],
): Promise<BlockBackend> {
  const isReadOnly = options.isReadOnly ?? false;
  const chain = [...above, await identify(name)];
  checkChain(name, chain);
  const file = await openImageFile(name, { isReadOnly });
  try {
    const format = options.format ?? (await detectFormat(file));
    if (format === 'raw') return new RawDisk(file, { isProbed: options.format === undefined });
    const image = await Qcow2Image.open(file);
    const backing = await openBeneath(image, chain);
    try {
      return await Qcow2Disk.open(image, { backing });
    } catch (error) {
      await backing?.close();
      throw error;
    }
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** What a qcow2 image says is beneath it, read-only; null if it says nothing. @throws BlockError */
export async function openBacking(image: Qcow2Image): Promise<BlockBackend | null> {
  return openBeneath(image, [await identify(image.file.name)]);
}

async function openBeneath(
  image: Qcow2Image,
  chain: readonly string[],
): Promise<BlockBackend | null> {
  const { backing } = image.header;
  if (!backing) return null;
  const format = backingFormat(backing, image.file.name);
  const path = backingPath(image.file.name, backing.path);
  try {
    return await openInChain(path, { isReadOnly: true, ...(format ? { format } : {}) }, chain);
  } catch (error) {
    if (!(error instanceof BlockError)) throw error;
    const place = `${image.file.name}: the image beneath it`;
    throw new BlockError(error.kind, `${place}: ${error.message}`, { cause: error });
  }
}

function backingFormat({ format }: BackingName, name: string): DiskFormat | null {
  if (format === null) return null;
  const known = diskFormats.find((each) => each === format);
  if (known) return known;
  throw new BlockError(
    'bad-image',
    `${name}: the image beneath it is of format '${format}', which is not supported: convert it with qemu-img`,
  );
}

/** The name of a backing image as we can open it: an image names it relative to its own folder. */
export function backingPath(imageName: string, backing: string): string {
  if (/^json:/.test(backing)) {
    throw new BlockError(
      'bad-image',
      `${imageName}: names the image beneath it in JSON, which is not supported: use qemu-img rebase`,
    );
  }
  // What comes from a server names what is on that server.
  if (isHttpAddress(imageName)) return new URL(backing, imageName).href;
  const path = backing.replace(/^file:(\/\/)?/, '');
  if (isAddress(imageName) && !isAddress(path)) {
    throw new BlockError(
      'bad-image',
      `${imageName}: names a file beneath it, which its server does not show: use qemu-img rebase`,
    );
  }
  return isAbsolute(path) || isAddress(path) ? path : join(dirname(imageName), path);
}

/** Names one image, whatever it is called. */
async function identify(name: string): Promise<string> {
  try {
    const { dev, ino } = await stat(name);
    return `${dev}:${ino}`;
  } catch {
    // Opening it tells what is wrong.
    return name;
  }
}

function checkChain(name: string, chain: readonly string[]): void {
  const isLoop = chain.indexOf(chain.at(-1) as string) < chain.length - 1;
  if (!isLoop && chain.length <= MAX_DEPTH) return;
  const what = isLoop ? 'lies beneath itself' : `has more than ${MAX_DEPTH} images above it`;
  throw new BlockError('bad-image', `${name}: ${what}: use qemu-img rebase`);
}
