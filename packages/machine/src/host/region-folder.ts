// The folder with compiled regions: where it is, what is in it, and what has to go.
import { readdir, stat, unlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { RegionFile } from './region-file.js';

export const REGION_SUFFIX = '.regions';
/** All files of the folder together, in bytes. */
export const MAX_FOLDER_BYTES: number = 256 << 20;
/** A file under a temporary name that is older was left by a process that died. */
const STALE_MS = 3_600_000;

/** `$XDG_CACHE_HOME/proxeny/regions`, or under ~/.cache. */
export function defaultRegionFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const base = environment['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return join(base, 'proxeny', 'regions');
}

/** One file of the folder. */
export interface RegionFileInfo {
  readonly path: string;
  readonly byteLength: number;
  /** When a guest last used it, in ms since 1970. */
  readonly usedMs: number;
  /** Null: it is damaged. */
  readonly content: {
    readonly engine: string;
    readonly image: string;
    readonly modules: number;
    readonly regions: number;
    /** Of V8's machine code. */
    readonly nativeBytes: number;
  } | null;
}

/** The folder's files, those used last first. A folder that is not there is empty. */
export async function listRegionFolder(folder: string): Promise<RegionFileInfo[]> {
  const found: RegionFileInfo[] = [];
  for (const name of await namesIn(folder)) {
    if (!name.endsWith(REGION_SUFFIX)) continue;
    const path = join(folder, name);
    const status = await stat(path).catch(() => null);
    if (!status?.isFile()) continue;
    const file = RegionFile.open(path);
    const modules = file?.index.modules ?? [];
    found.push({
      path,
      byteLength: status.size,
      usedMs: status.mtimeMs,
      content: file && {
        engine: file.index.engine,
        image: file.index.image,
        modules: modules.length,
        regions: modules.reduce((sum, m) => sum + m.codes.size, 0),
        nativeBytes: modules.reduce((sum, m) => sum + (m.native?.byteLength ?? 0), 0),
      },
    });
    file?.close();
  }
  return found.sort((a, b) => b.usedMs - a.usedMs);
}

export interface PruneOptions {
  /** Only this engine's files stay; null: any engine's. */
  readonly engine: string | null;
  readonly nowMs: number;
  /** Default: {@link MAX_FOLDER_BYTES}. */
  readonly maxBytes?: number;
}

/** Removes damaged files, other engines' files, leftovers, and the files not used longest until the rest fits. Returns what went. */
export async function pruneRegionFolder(
  folder: string,
  options: PruneOptions,
): Promise<RegionFileInfo[]> {
  const { engine, nowMs, maxBytes = MAX_FOLDER_BYTES } = options;
  const gone: RegionFileInfo[] = [];
  let total = 0;
  for (const file of await listRegionFolder(folder)) {
    total += file.byteLength;
    const isUseful = file.content && (engine === null || file.content.engine === engine);
    if (isUseful && total <= maxBytes) continue;
    total -= file.byteLength;
    await unlink(file.path).catch(() => {});
    gone.push(file);
  }
  for (const name of await namesIn(folder)) {
    if (!/\.(tmp|part)$/.test(name)) continue;
    const path = join(folder, name);
    const status = await stat(path).catch(() => null);
    if (status && nowMs - status.mtimeMs > STALE_MS) await unlink(path).catch(() => {});
  }
  return gone;
}

const namesIn = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);
