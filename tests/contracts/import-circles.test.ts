// No file imports itself through others: each can be read, and used, without those that use it. That holds for types too, but in the
// knots that are listed here.
import { posix } from 'node:path';
import { expect, it } from 'vitest';
import { importsOf } from './module-imports.js';
import { sourceFiles } from './source-tree.js';

/** Files that name one another's types: no circle leads from one of these places to anywhere else. */
const knots = [
  // A domain, its vCPUs, their hypervisor and what they have: 58 files.
  'packages/hv-core/src/',
  'packages/machine/src/xen/store/',
  'packages/vcpu-x86/src/asm/',
];

const files = sourceFiles();
const known = new Set(files.map(({ path }) => path));

/** What each file imports by a relative path. */
function importGraph(withTypes: boolean): Map<string, string[]> {
  return new Map(
    files.map((file) => {
      const targets = importsOf(file)
        .filter(({ specifier, isType }) => specifier.startsWith('.') && (withTypes || !isType))
        .map(({ specifier }) => posix.join(posix.dirname(file.path), specifier))
        .map((path) => path.replace(/\.js$/, '.ts'));
      return [file.path, targets.filter((path) => known.has(path))];
    }),
  );
}

/** For each circle that a walk meets, its files, the first one again at the end. */
function circlesOf(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const circles: string[][] = [];
  const done = new Set<string>();
  const way: string[] = [];
  const visit = (path: string): void => {
    const at = way.indexOf(path);
    if (at >= 0) circles.push([...way.slice(at), path]);
    if (at >= 0 || done.has(path)) return;
    way.push(path);
    for (const target of graph.get(path) ?? []) visit(target);
    way.pop();
    done.add(path);
  };
  for (const path of graph.keys()) visit(path);
  return circles;
}

it('finds circles, also of one file', () => {
  const graph = new Map([
    ['a', ['b', 'd']],
    ['b', ['c']],
    ['c', ['a']],
    ['d', ['d']],
  ]);
  expect(circlesOf(graph)).toEqual([
    ['a', 'b', 'c', 'a'],
    ['d', 'd'],
  ]);
});

it('no files import one another in a circle', () => {
  expect(circlesOf(importGraph(false)).map((circle) => circle.join(' → '))).toEqual([]);
});

it('no files but those of a knot import one another for their types in a circle', () => {
  const isKnown = (circle: readonly string[]): boolean =>
    knots.some((place) => circle.every((path) => path.startsWith(place)));
  const circles = circlesOf(importGraph(true)).filter((circle) => !isKnown(circle));
  expect(circles.map((circle) => circle.join(' → '))).toEqual([]);
});
