// `--disk FILE[,ro][,overlay][,cdrom][,dev=xvdb]`: a disk image of the host's, shown to a guest.
import {
  type BlockBackend,
  BlockError,
  FileDisk,
  type GuestDisk,
  OverlayDisk,
  type PcDisk,
  virtualDeviceNumber,
} from '@proxeny/machine';
import { CommandError, usageError } from './command-error.js';
import { EXIT_FAILURE, EXIT_NOT_FOUND } from './exit-code.js';

/** A disk as it was asked for. */
interface DiskWish {
  readonly path: string;
  readonly name: string;
  readonly isReadOnly: boolean;
  /** Changes are kept in memory and thrown away at the end. */
  readonly hasOverlay: boolean;
  readonly isCdrom: boolean;
}

const flags = ['ro', 'overlay', 'cdrom'];

/** @throws CommandError */
function parseDisk(text: string, isTaken: (name: string) => boolean): DiskWish {
  const [path, ...options] = text.split(',');
  if (path === '') throw usageError(`--disk '${text}' names no file`);
  let name: string | undefined;
  for (const option of options) {
    if (option.startsWith('dev=')) name = option.slice(4);
    else if (!flags.includes(option))
      throw usageError(
        `--disk '${text}': '${option}' is not known; use ${flags.join(', ')} or dev=xvda`,
      );
  }
  if (name !== undefined && virtualDeviceNumber(name) === null)
    throw usageError(`--disk '${text}': '${name}' is no name of a disk; the first one is xvda`);
  if (name !== undefined && isTaken(name))
    throw usageError(`--disk '${text}': ${name} is another disk already`);
  for (let i = 0; name === undefined; i++) {
    const free = `xvd${String.fromCharCode(97 + i)}`;
    if (i > 25) throw usageError('--disk: more than 26 disks need names; give them dev=xvdaa');
    if (!isTaken(free)) name = free;
  }
  const isCdrom = options.includes('cdrom');
  return {
    path,
    name,
    isCdrom,
    isReadOnly: options.includes('ro') || isCdrom,
    hasOverlay: options.includes('overlay'),
  };
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
  const close = async (): Promise<void> => {
    for (const { disk } of disks) await disk.close();
  };
  try {
    for (const text of texts) {
      const wish = parseDisk(text, (name) => disks.some((other) => other.name === name));
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

async function openDisk({ path, isReadOnly, hasOverlay }: DiskWish): Promise<BlockBackend> {
  try {
    const file = await FileDisk.open(path, { isReadOnly: isReadOnly || hasOverlay });
    return hasOverlay && !isReadOnly ? new OverlayDisk(file) : file;
  } catch (error) {
    if (!(error instanceof BlockError)) throw error;
    const code = error.kind === 'not-found' ? EXIT_NOT_FOUND : EXIT_FAILURE;
    throw new CommandError(`--disk: ${error.message}`, code);
  }
}
