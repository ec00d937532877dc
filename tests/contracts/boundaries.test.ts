// Sources and package.json keep to the table of allowed imports.
import { posix } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { allowed } from './allowed-imports.js';
import { importsOf } from './module-imports.js';
import {
  type Package,
  packages,
  placeOf,
  type SourceFile,
  sourceFiles,
  visitAll,
} from './source-tree.js';

/** What unit tests may use in addition to everything their package may. */
const forTests = ['npm:vitest', 'npm:fast-check', 'npm:mitata', 'node:'];

const files = sourceFiles().filter((file) => file.inSource !== '');
const workspacePackages = packages();

/** The longest place that holds `inside`, a path below the package's src (`isa/row.ts`) or a subpath export (`asm`). */
function placeFor(packageFolder: string, inside: string): string {
  let path = inside.replace(/\.ts$/, '');
  while (path !== '' && path !== '.') {
    if (`${packageFolder}/${path}` in allowed) return `${packageFolder}/${path}`;
    const [, shorter] = /^(.*[^/])-[^-/]*$/.exec(path) ?? [];
    path = shorter ?? posix.dirname(path);
  }
  return packageFolder;
}

function packageOf(place: string): string {
  return place.split('/', 1)[0] ?? '';
}

/** The target of one import in the table's terms, or a sentence saying why it can have none. */
function targetOf(file: SourceFile, specifier: string): { target: string } | { fault: string } {
  if (specifier.startsWith('node:')) return { target: 'node:' };
  if (specifier.startsWith('.')) {
    const inside = posix.normalize(posix.join(posix.dirname(file.inSource), specifier));
    if (inside.startsWith('..')) return { fault: 'a relative import leaves the package' };
    return { target: placeFor(file.package, inside.replace(/\.js$/, '.ts')) };
  }
  const own = /^@proxeny\/([^/]+)(?:\/(.*))?$/.exec(specifier);
  if (own) {
    const [, folder = '', subpath = ''] = own;
    if (folder === file.package)
      return { fault: 'a package imports itself by name; use a relative path' };
    return { target: subpath === '' ? folder : `${folder}/${subpath}` };
  }
  const [first = '', second = ''] = specifier.split('/');
  return { target: `npm:${first.startsWith('@') ? `${first}/${second}` : first}` };
}

function mayImport(file: SourceFile, target: string): boolean {
  const place = placeFor(file.package, file.inSource);
  if (target === place) return true;
  const rows = [allowed[place] ?? []];
  if (file.isTest) {
    rows.push(forTests);
    for (const [other, row] of Object.entries(allowed)) {
      if (packageOf(other) === file.package) rows.push(row);
    }
  }
  const coversOwnPackage = place === file.package || file.isTest;
  if (coversOwnPackage && packageOf(target) === file.package) return true;
  return rows.some(
    (row) =>
      row.includes(target) ||
      (row.includes(packageOf(target)) && packageOf(target) !== file.package),
  );
}

describe('the table of allowed edges', () => {
  it('has a row for every package and for every folder directly below its src', () => {
    const missing = new Set<string>();
    for (const { folder } of workspacePackages) if (!(folder in allowed)) missing.add(folder);
    for (const file of files) {
      const [folder = '', ...rest] = file.inSource.split('/');
      const place = `${file.package}/${folder}`;
      // Packages whose folders may all import one another need no finer rows.
      const isDivided = Object.keys(allowed).some((other) => other.startsWith(`${file.package}/`));
      if (isDivided && rest.length > 0 && !(place in allowed)) missing.add(place);
    }
    expect([...missing]).toEqual([]);
  });

  it('has no cycle', () => {
    const cycles: string[] = [];
    const done = new Set<string>();
    const descend = (place: string, path: readonly string[]): void => {
      if (path.includes(place)) cycles.push([...path, place].join(' → '));
      if (path.includes(place) || done.has(place)) return;
      for (const next of allowed[place] ?? []) descend(next, [...path, place]);
      done.add(place);
    };
    for (const place of Object.keys(allowed)) descend(place, []);
    expect(cycles).toEqual([]);
  });
});

describe.each(workspacePackages)('$folder', ({ folder, manifest }: Package) => {
  const own = files.filter((file) => file.package === folder);

  it('imports only what the table allows', () => {
    const faults: string[] = [];
    for (const file of own) {
      for (const { specifier, node } of importsOf(file)) {
        const result = targetOf(file, specifier);
        if ('fault' in result) {
          faults.push(`${placeOf(file, node)} imports '${specifier}': ${result.fault}`);
        } else if (!mayImport(file, result.target)) {
          const place = placeFor(file.package, file.inSource);
          faults.push(
            `${placeOf(file, node)} imports '${specifier}': the table has no edge ${place} → ${result.target}`,
          );
        }
      }
    }
    expect(faults).toEqual([]);
  });

  it('uses no global of Node where it may not import Node', () => {
    const faults: string[] = [];
    for (const file of own) {
      if (file.isTest || mayImport(file, 'node:')) continue;
      visitAll(file.tree, (node) => {
        if (!ts.isIdentifier(node)) return;
        if (!['Buffer', 'process', 'setImmediate', '__dirname', 'require'].includes(node.text))
          return;
        const { parent } = node;
        const isUse =
          (ts.isPropertyAccessExpression(parent) && parent.expression === node) ||
          (ts.isCallExpression(parent) && parent.expression === node) ||
          ts.isTypeReferenceNode(parent);
        if (isUse) faults.push(`${placeOf(file, node)} uses ${node.text}`);
      });
    }
    expect(faults).toEqual([]);
  });

  it('declares in package.json what its sources import, and nothing the table forbids', () => {
    const declared = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
    const edges = Object.entries(allowed)
      .filter(([place]) => packageOf(place) === folder)
      .flatMap(([, row]) => row);
    const forbidden = declared.filter((name) => {
      const sibling = /^@proxeny\/(.*)$/.exec(name)?.[1];
      return sibling
        ? !edges.some((edge) => packageOf(edge) === sibling)
        : !edges.includes(`npm:${name}`);
    });
    const imported = new Set<string>();
    for (const file of own) {
      if (file.isTest) continue;
      for (const { specifier } of importsOf(file)) {
        if (specifier.startsWith('.') || specifier.startsWith('node:')) continue;
        const [first = '', second = ''] = specifier.split('/');
        imported.add(first.startsWith('@') ? `${first}/${second}` : first);
      }
    }
    const undeclared = [...imported].filter((name) => !declared.includes(name));
    expect({ forbidden, undeclared }).toEqual({ forbidden: [], undeclared: [] });
  });
});
