// What the command loads before it does anything. All of it is read, compiled and run at the start of every guest, so what only some guests
// need is imported where they need it.
import { posix } from 'node:path';
import { expect, it } from 'vitest';
import { importsOf } from './module-imports.js';
import { packages, type SourceFile, sourceFiles } from './source-tree.js';

const files = new Map(sourceFiles().map((file) => [file.path, file]));

/** The source of each export of each package, by the name it is imported by. */
const entries = new Map(
  packages().flatMap(({ folder, manifest }) =>
    Object.entries(manifest.exports).flatMap(([name, target]) =>
      typeof target === 'string'
        ? []
        : [
            [
              posix.join(manifest.name, name),
              posix.join('packages', folder, target['proxeny-source'] ?? ''),
            ] as const,
          ],
    ),
  ),
);

/** The file that an import names, or the name itself if it is none of ours. */
function targetOf(file: SourceFile, specifier: string): string {
  if (!specifier.startsWith('.')) return entries.get(specifier) ?? specifier;
  return posix.join(posix.dirname(file.path), specifier).replace(/\.js$/, '.ts');
}

/** All that is loaded with a file, and how each of them is reached. */
function loadedWith(start: string): Map<string, string> {
  const ways = new Map([[start, start]]);
  for (const [path, way] of ways) {
    const file = files.get(path);
    if (!file) continue;
    for (const { specifier, isType, isDynamic } of importsOf(file)) {
      const target = targetOf(file, specifier);
      if (!isType && !isDynamic && !ways.has(target)) ways.set(target, `${way} → ${target}`);
    }
  }
  return ways;
}

const main = 'packages/cli/src/main.ts';
/** Main imports the rest at once, when it has set flags. */
const rest = 'packages/cli/src/command-line.ts';
const loaded = new Map([...loadedWith(main), ...loadedWith(rest)]);

it('the command begins with main, which sets flags before anything else is there', () => {
  const ofMain = importsOf(files.get(main) as SourceFile);
  const isRest = ({ specifier, isDynamic }: (typeof ofMain)[number]): boolean =>
    isDynamic && targetOf(files.get(main) as SourceFile, specifier) === rest;
  expect(ofMain.filter(isRest)).toHaveLength(1);
  const early = [...loadedWith(main).keys()].filter((path) => path.startsWith('packages/'));
  expect(early).toEqual([main, 'packages/cli/src/exit-code.ts']);
});

it('the command begins with the parts that every guest needs', () => {
  const needed = ['machine/src/machine.ts', 'vcpu-x86/src/cpu.ts', 'virtio/src/index.ts'];
  for (const path of needed) expect([...loaded.keys()]).toContain(`packages/${path}`);
});

it.each([
  ['guests of Xen', /^packages\/(?:hv-core|abi|machine\/src\/xen)\//],
  ['guests that are built in', /^packages\/pv-guest\//],
  ['configuration files', /^(?:yaml|zod)$/],
])('the command begins without %s', (_, pattern) => {
  const ways = [...loaded].filter(([path]) => pattern.test(path)).map(([, way]) => way);
  expect(ways).toEqual([]);
});
