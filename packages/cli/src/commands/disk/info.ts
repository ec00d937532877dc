// `proxeny disk info`: what an image says about itself and about what is beneath it.
import { stat } from 'node:fs/promises';
import {
  type ByteFile,
  backingPath,
  type DiskFormat,
  detectFormat,
  openImageFile,
  Qcow2Image,
  type Qcow2Snapshot,
} from '@proxeny/machine/pc';
import type { Command } from 'commander';
import { formatOption, sizeText } from './image-format.js';

interface InfoOptions {
  readonly format?: DiskFormat;
  readonly json?: true;
}

interface ImageInfo {
  readonly file: string;
  readonly format: DiskFormat;
  readonly diskBytes: number;
  readonly fileBytes: number;
  /** What the host has allocated. */
  readonly hostBytes?: number;
  readonly qcow2?: {
    readonly version: number;
    readonly clusterBytes: number;
    readonly refcountBits: number;
    readonly compression: string;
    readonly lazyRefcounts: boolean;
    readonly dirty: boolean;
    readonly corrupt: boolean;
    readonly snapshots: readonly SnapshotInfo[];
  };
  readonly backing?: { readonly file: string; readonly format: string | null };
}

interface SnapshotInfo {
  readonly id: string;
  readonly name: string;
  readonly date: string;
  readonly diskBytes: number;
  readonly machineStateBytes: number;
}

const MAX_CHAIN = 64;

export function addInfoVerb(disk: Command): void {
  disk
    .command('info')
    .description('say what an image is, with its snapshots and the images beneath it')
    .argument('<file>')
    .addOption(formatOption('-f, --format <format>', 'default: as its first bytes tell'))
    .option('--json', 'print JSON')
    .action(async (path: string, options: InfoOptions) => {
      const images = await chainOf(path, options.format);
      const text = options.json
        ? JSON.stringify({ apiVersion: 1, images }, null, 1)
        : images.map(described).join('\n\n');
      process.stdout.write(`${text}\n`);
    });
}

/** An image and those beneath it. */
async function chainOf(path: string, format: DiskFormat | undefined): Promise<ImageInfo[]> {
  const images: ImageInfo[] = [];
  let next: { file: string; format: DiskFormat | undefined } | null = { file: path, format };
  while (next && images.length < MAX_CHAIN) {
    const info: ImageInfo = await infoOf(next.file, next.format);
    images.push(info);
    const { backing } = info;
    next = backing
      ? {
          file: backingPath(info.file, backing.file),
          format:
            backing.format === 'raw' || backing.format === 'qcow2' ? backing.format : undefined,
        }
      : null;
  }
  return images;
}

async function infoOf(name: string, given: DiskFormat | undefined): Promise<ImageInfo> {
  const file = await openImageFile(name, { isReadOnly: true });
  try {
    const format = given ?? (await detectFormat(file));
    const hostBytes = await stat(name).then(
      ({ blocks }) => ({ hostBytes: blocks * 512 }),
      () => ({}),
    );
    const sizes = { file: name, format, fileBytes: file.byteLength, ...hostBytes };
    if (format === 'raw') return { ...sizes, diskBytes: file.byteLength };
    return { ...sizes, ...(await qcow2Info(file)) };
  } finally {
    await file.close();
  }
}

async function qcow2Info(file: ByteFile): Promise<Pick<ImageInfo, 'diskBytes' | 'qcow2'>> {
  const { header, clusterBytes, snapshots } = await Qcow2Image.open(file);
  return {
    diskBytes: header.diskBytes,
    qcow2: {
      version: header.version,
      clusterBytes,
      refcountBits: 1 << header.refcountOrder,
      compression: header.compression,
      lazyRefcounts: header.hasLazyRefcounts,
      dirty: header.isDirty,
      corrupt: header.isCorrupt,
      snapshots: snapshots.map(snapshotInfo),
    },
    ...(header.backing
      ? { backing: { file: header.backing.path, format: header.backing.format } }
      : {}),
  };
}

export function snapshotInfo(snapshot: Qcow2Snapshot): SnapshotInfo {
  const { id, name, date, diskBytes, machineStateBytes } = snapshot;
  const time = new Date(date.seconds * 1000 + Math.floor(date.ns / 1_000_000)).toISOString();
  return { id, name, date: time, diskBytes, machineStateBytes };
}

function described(info: ImageInfo): string {
  const { qcow2, backing } = info;
  const lines: [string, string][] = [
    ['image', info.file],
    ['format', qcow2 ? `qcow2, version ${qcow2.version}` : info.format],
    ['disk', `${sizeText(info.diskBytes)} (${info.diskBytes} bytes)`],
    ['on the host', sizeText(info.hostBytes ?? info.fileBytes)],
  ];
  if (qcow2) {
    lines.push(['clusters', `${sizeText(qcow2.clusterBytes)}, ${qcow2.compression}`]);
    if (qcow2.dirty)
      lines.push(['state', 'not closed properly; made right when it is next written']);
    if (qcow2.corrupt) lines.push(['state', 'marked as corrupt: use disk check --repair']);
    for (const each of qcow2.snapshots)
      lines.push(['snapshot', `${each.id} ${each.name}, ${each.date}`]);
  }
  if (backing)
    lines.push(['beneath it', `${backing.file}, ${backing.format ?? 'no format given'}`]);
  return lines.map(([name, value]) => `${`${name}:`.padEnd(14)}${value}`).join('\n');
}
