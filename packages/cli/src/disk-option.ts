// `--disk FILE[,ro][,overlay[=FILE]][,cdrom][,format=qcow2][,dev=xvdb]`: a disk image of the host's, shown to a guest.
import {
  type BlockBackend,
  BlockError,
  type DiskFormat,
  diskFormats,
  OverlayDisk,
  openDiskImage,
  openOverlayFile,
  type PcDisk,
} from '@proxeny/machine/pc';
import type { GuestDisk } from '@proxeny/machine/xen';
import { exitCodeOf } from './block-failure.js';
import { CommandError, usageError } from './command-error.js';

/** A disk as it was asked for. */
interface DiskWish {
  readonly path: string;
  readonly name: string;
  readonly isReadOnly: boolean;
  /** Where changes are kept instead of in the image: a file, or memory, which is thrown away at the end. */
  readonly overlay: { readonly path: string | null } | null;
  readonly format: DiskFormat | undefined;
  readonly isCdrom: boolean;
}

const flags = ['ro', 'overlay', 'cdrom'];
const known = `${flags.join(', ')}, overlay=FILE, format=${diskFormats.join('|')} or dev=xvda`;

/** @throws CommandError */
async function parseDisk(text: string, isTaken: (name: string) => boolean): Promise<DiskWish> {
  const [path, ...options] = text.split(',');
  if (path === '') throw usageError(`--disk '${text}' names no file`);
  const values: Partial<Record<'dev' | 'format' | 'overlay', string>> = {};
  for (const option of options) {
    const [, key, value] = /^(dev|format|overlay)=(.+)$/.exec(option) ?? [];
    if (key === 'dev' || key === 'format' || key === 'overlay') values[key] = value;
    else if (!flags.includes(option))
      throw usageError(`--disk '${text}': '${option}' is not known; use ${known}`);
  }
  const format = diskFormats.find((each) => each === values.format);
  if (values.format !== undefined && !format)
    throw usageError(
      `--disk '${text}': '${values.format}' is no format; use ${diskFormats.join(' or ')}`,
    );
  let name = values.dev;
  if (name !== undefined && !(await isDiskName(name)))
    throw usageError(`--disk '${text}': '${name}' is no name of a disk; the first one is xvda`);
  if (name !== undefined && isTaken(name))
    throw usageError(`--disk '${text}': ${name} is another disk already`);
  for (let i = 0; name === undefined; i++) {
    const free = `xvd${String.fromCharCode(97 + i)}`;
    if (i > 25) throw usageError('--disk: more than 26 disks need names; give them dev=xvdaa');
    if (!isTaken(free)) name = free;
  }
  const isCdrom = options.includes('cdrom');
  if (values.overlay !== undefined && (isCdrom || options.includes('ro')))
    throw usageError(`--disk '${text}': an overlay keeps changes; leave ro and cdrom out`);
  return {
    path,
    name,
    isCdrom,
    isReadOnly: options.includes('ro') || isCdrom,
    overlay:
      values.overlay !== undefined || options.includes('overlay')
        ? { path: values.overlay ?? null }
        : null,
    format,
  };
}

/** Whether a guest of Xen may have a disk of this name. */
async function isDiskName(name: string): Promise<boolean> {
  const { virtualDeviceNumber } = await import('@proxeny/machine/xen');
  return virtualDeviceNumber(name) !== null;
}

/** Opened disks, to be closed after the guest. */
export interface OpenDisks {
  readonly disks: readonly GuestDisk[];
  close(): Promise<void>;
}

/**
 * Opens every disk of a command line, or none.
 * @throws CommandError that names the file
 */
export async function openDisks(texts: readonly string[]): Promise<OpenDisks> {
  const disks: GuestDisk[] = [];
  const close = (): Promise<void> => closeDisks(disks);
  try {
    for (const text of texts) {
      const wish = await parseDisk(text, (name) => disks.some((other) => other.name === name));
      const { path, name, isReadOnly, isCdrom } = wish;
      const disk = await openDisk(wish);
      disks.push({ name, disk, isReadOnly, isCdrom, parameters: path });
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { disks, close };
}

/** Closes every one of them. @throws what the first of them throws that cannot be closed properly */
export async function closeDisks(disks: readonly GuestDisk[]): Promise<void> {
  const results = await Promise.allSettled(disks.map(({ disk }) => disk.close()));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

/** Disks of a PC, to be closed after it. */
export interface OpenPcDisks {
  readonly disks: readonly PcDisk[];
  close(): Promise<void>;
}

/**
 * The same for a PC, whose disks are vda, vdb and so on, in the order they are named in.
 * @throws CommandError that names the file
 */
export async function openPcDisks(texts: readonly string[]): Promise<OpenPcDisks> {
  for (const text of texts) {
    const foreign = text.split(',').find((part) => part === 'cdrom' || part.startsWith('dev='));
    if (foreign !== undefined)
      throw usageError(
        `--disk '${text}': '${foreign}' is for guests of Xen; the disks of a PC are vda, vdb … in their order`,
      );
  }
  const { disks, close } = await openDisks(texts);
  return { disks: disks.map(({ disk, isReadOnly = false }) => ({ disk, isReadOnly })), close };
}

async function openDisk({ path, isReadOnly, overlay, format }: DiskWish): Promise<BlockBackend> {
  const given = format === undefined ? {} : { format };
  try {
    if (!overlay) return await openDiskImage(path, { isReadOnly, ...given });
    if (overlay.path !== null) return await openOverlayFile(overlay.path, path, format);
    const base = await openDiskImage(path, { isReadOnly: true, ...given });
    return isReadOnly ? base : new OverlayDisk(base);
  } catch (error) {
    if (!(error instanceof BlockError)) throw error;
    throw new CommandError(`--disk: ${error.message}`, exitCodeOf(error));
  }
}
