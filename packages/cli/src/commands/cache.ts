// `proxeny cache`: what compiled code is kept on disk, and getting rid of it.
import {
  defaultRegionFolder,
  engineVersion,
  listRegionFolder,
  MAX_FOLDER_BYTES,
  pruneRegionFolder,
  type RegionFileInfo,
} from '@proxeny/machine/pc';
import type { Command } from 'commander';
import { EXIT_OK } from '../exit-code.js';
import { parseSize } from '../quantity.js';

interface CacheOptions {
  readonly blockCache?: string;
  readonly json?: true;
  readonly all?: true;
  readonly maxSize?: string;
}

export function addCacheCommand(program: Command, finish: (exitCode: number) => void): void {
  const cache = program
    .command('cache')
    .description('show or shrink the cache of compiled guest code');
  const verb = (name: string, description: string): Command =>
    cache
      .command(name)
      .description(description)
      .option('--block-cache <folder>', 'the folder (default: proxeny/regions in the cache folder)')
      .option('--json', 'print JSON');
  verb('ls', 'list the images whose code is kept, used last first').action(
    async (options: CacheOptions) => {
      print(options, { files: (await listRegionFolder(folderOf(options))).map(described) }, table);
      finish(EXIT_OK);
    },
  );
  verb('stat', 'say how much is kept').action(async (options: CacheOptions) => {
    const folder = folderOf(options);
    const files = (await listRegionFolder(folder)).map(described);
    const sum = (key: 'bytes' | 'regions' | 'modules' | 'nativeBytes') =>
      files.reduce((n, f) => n + f[key], 0);
    const stat = {
      folder,
      files: files.length,
      usable: files.filter((f) => f.state === 'usable').length,
      bytes: sum('bytes'),
      maxBytes: MAX_FOLDER_BYTES,
      modules: sum('modules'),
      regions: sum('regions'),
      nativeBytes: sum('nativeBytes'),
    };
    print(options, stat, () =>
      Object.entries(stat)
        .map(([key, value]) => `${`${key}:`.padEnd(13)}${value}\n`)
        .join(''),
    );
    finish(EXIT_OK);
  });
  verb('prune', 'remove what is damaged or of other versions, and what is too much')
    .option('--all', 'remove everything')
    .option('--max-size <size>', 'then the files used longest ago, until no more than this is left')
    .action(async (options: CacheOptions) => {
      const maxBytes = options.all
        ? 0
        : options.maxSize === undefined
          ? MAX_FOLDER_BYTES
          : parseSize(options.maxSize, '--max-size');
      const gone = await pruneRegionFolder(folderOf(options), {
        engine: engineVersion(),
        nowMs: Date.now(),
        maxBytes,
      });
      const bytes = gone.reduce((sum, f) => sum + f.byteLength, 0);
      print(
        options,
        { removed: gone.map(described), bytes },
        () => `${gone.length} files removed, ${bytes} bytes\n`,
      );
      finish(EXIT_OK);
    });
}

const folderOf = (options: CacheOptions): string => options.blockCache ?? defaultRegionFolder();

function described(file: RegionFileInfo) {
  const { content } = file;
  return {
    path: file.path,
    image: content?.image ?? '',
    state: !content ? 'damaged' : content.engine === engineVersion() ? 'usable' : 'other version',
    regions: content?.regions ?? 0,
    modules: content?.modules ?? 0,
    nativeBytes: content?.nativeBytes ?? 0,
    bytes: file.byteLength,
    used: new Date(file.usedMs).toISOString(),
  };
}

function print<T extends object>(
  options: CacheOptions,
  value: T,
  text: (value: T) => string,
): void {
  process.stdout.write(
    options.json ? `${JSON.stringify({ apiVersion: 1, ...value }, null, 1)}\n` : text(value),
  );
}

function table({ files }: { files: readonly ReturnType<typeof described>[] }): string {
  const rows = [
    ['IMAGE', 'REGIONS', 'BYTES', 'LAST USED', 'STATE'],
    ...files.map((f) => [f.image, String(f.regions), String(f.bytes), f.used, f.state]),
  ];
  const widths = rows[0].map((_, i) => Math.max(...rows.map((r) => r[i].length)));
  return rows
    .map(
      (r) =>
        `${r
          .map((cell, i) => cell.padEnd(widths[i]))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
