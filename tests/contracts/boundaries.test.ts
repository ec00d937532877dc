// Who may import whom: one table of allowed edges, down to folders, and the checks that sources and package.json keep to it.
// ARCHITECTURE.md draws the same picture. An edge is added here first, with a reason in the commit.
import { posix } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import {
  type Package,
  packages,
  placeOf,
  type SourceFile,
  sourceFiles,
  visitAll,
} from './source-tree.js';

/**
 * A place is a package, or a folder or file of its `src/`; a file belongs to the longest place that holds it (a file
 * `evaluate-simd` to the place `evaluate`, if it has no row of its own). A place may
 * import itself and what its row lists: places, `npm:` packages, `node:` (any Node module). A package's own row also covers
 * every place of that package. Naming another package covers its subpath exports; naming a subpath covers only that one.
 */
const allowed: Readonly<Record<string, readonly string[]>> = {
  memory: [],

  abi: ['memory'],

  'vcpu-x86': ['memory'],
  'vcpu-x86/isa': [],
  // The state page: one layout for TypeScript and WebAssembly, no behaviour.
  'vcpu-x86/state': ['memory'],
  'vcpu-x86/fault': ['vcpu-x86/state'],
  // 80-bit and IEEE arithmetic on plain numbers; its oracle is for tests, which may import anything of their package.
  'vcpu-x86/float': [],
  'vcpu-x86/float/native': ['vcpu-x86/float', 'node:'],
  'vcpu-x86/exit': [],
  'vcpu-x86/platform': ['memory', 'vcpu-x86/exit'],
  'vcpu-x86/ir': ['vcpu-x86/isa', 'vcpu-x86/state'],
  // The reference evaluator: runs IR against a CPU's state and memory, so it stands above the rest of `ir`.
  'vcpu-x86/ir/evaluate': [
    'vcpu-x86/fault',
    'vcpu-x86/ir',
    'vcpu-x86/isa',
    'vcpu-x86/mmu',
    'vcpu-x86/state',
  ],
  'vcpu-x86/semantics': ['vcpu-x86/fault', 'vcpu-x86/isa', 'vcpu-x86/ir', 'vcpu-x86/state'],
  'vcpu-x86/asm': ['vcpu-x86/isa'],
  'vcpu-x86/wasm': ['vcpu-x86/ir', 'vcpu-x86/mmu/tlb', 'vcpu-x86/state'],
  'vcpu-x86/mmu': [
    'memory',
    'vcpu-x86/exit',
    'vcpu-x86/fault',
    'vcpu-x86/mmu/tlb',
    'vcpu-x86/mmu/page-marks',
    'vcpu-x86/platform',
    'vcpu-x86/state',
  ],
  // The layout of a TLB entry, which inline probes share.
  'vcpu-x86/mmu/tlb': ['vcpu-x86/mmu/page-marks'],
  'vcpu-x86/mmu/page-marks': [],
  'vcpu-x86/block': [
    'memory',
    'vcpu-x86/core',
    'vcpu-x86/isa',
    'vcpu-x86/ir',
    'vcpu-x86/mmu',
    'vcpu-x86/mmu/tlb',
    'vcpu-x86/semantics',
    'vcpu-x86/state',
  ],
  // What tiers and routines share: state page, MMU, model and platform of one virtual CPU.
  'vcpu-x86/core': [
    'memory',
    'vcpu-x86/cpu-model',
    'vcpu-x86/exit',
    'vcpu-x86/fault',
    'vcpu-x86/mmu',
    'vcpu-x86/mmu/tlb',
    'vcpu-x86/platform',
    'vcpu-x86/semantics',
    'vcpu-x86/state',
  ],
  'vcpu-x86/routines': [
    'memory',
    'vcpu-x86/core',
    'vcpu-x86/cpu-model',
    'vcpu-x86/exit',
    'vcpu-x86/fault',
    'vcpu-x86/float',
    'vcpu-x86/isa',
    'vcpu-x86/mmu',
    'vcpu-x86/mmu/tlb',
    'vcpu-x86/platform',
    'vcpu-x86/state',
  ],
  // Hot regions: what they are made of and how they become WebAssembly; knows no tier.
  'vcpu-x86/region': [
    'vcpu-x86/ir',
    'vcpu-x86/isa',
    'vcpu-x86/mmu/tlb',
    'vcpu-x86/semantics',
    'vcpu-x86/state',
    'vcpu-x86/wasm',
  ],
  'vcpu-x86/cpu-model': ['vcpu-x86/isa'],
  'vcpu-x86/tier': [
    'memory',
    'vcpu-x86/block',
    'vcpu-x86/core',
    'vcpu-x86/exit',
    'vcpu-x86/fault',
    'vcpu-x86/float',
    'vcpu-x86/ir',
    'vcpu-x86/ir/evaluate',
    'vcpu-x86/isa',
    'vcpu-x86/mmu',
    'vcpu-x86/platform',
    'vcpu-x86/region',
    'vcpu-x86/routines',
    'vcpu-x86/semantics',
    'vcpu-x86/state',
    'vcpu-x86/wasm',
  ],
  'vcpu-x86/debug': [
    'memory',
    'vcpu-x86/asm',
    'vcpu-x86/core',
    'vcpu-x86/exit',
    'vcpu-x86/isa',
    'vcpu-x86/mmu',
    'vcpu-x86/state',
  ],

  virtio: ['memory'],
  'virtio/spec': [],
  'virtio/driver': ['memory', 'virtio/spec'],

  'hv-core': ['abi', 'memory'],

  'pv-guest': ['abi', 'memory', 'vcpu-x86/asm', 'virtio/driver'],

  machine: ['abi', 'hv-core', 'memory', 'pv-guest', 'vcpu-x86', 'virtio'],
  'machine/device': [],
  'machine/clock': [],
  'machine/state-reader': [],
  'machine/timer-queue': ['machine/clock'],
  'machine/bus': ['memory', 'machine/device'],
  // Board devices: no CPU, and of the machine only the interfaces and what time and saved state are made of.
  'machine/pc': [
    'memory',
    'machine/device',
    'machine/clock',
    'machine/state-reader',
    'machine/timer-queue',
  ],
  // Joins a device to a bus for whoever wires the board; devices themselves get a callback.
  'machine/pc/bus-window': ['machine/bus', 'machine/device'],
  'machine/loader': ['abi', 'memory', 'npm:fflate', 'npm:fzstd'],
  // Paravirtual machines. The domain builder puts images into domains and knows no CPU.
  'machine/xen': [],
  'machine/xen/build': ['abi', 'hv-core', 'memory', 'machine/loader', 'machine/pc'],
  'machine/config': [],
  // Configuration files become records; nothing is opened or built.
  'machine/xen/config': ['machine/config', 'npm:yaml', 'npm:zod'],
  // The only place that knows both the microkernel and the CPU.
  'machine/xen/cpu': ['hv-core', 'memory', 'vcpu-x86'],
  // A guest's machine with its services: the wiring.
  'machine/xen/guest': [
    ...['abi', 'hv-core', 'memory', 'vcpu-x86'],
    ...['machine/fault-text', 'machine/host', 'machine/machine-end', 'machine/run-loop'],
    ...['machine/storage', 'machine/xen/backend-host', 'machine/xen/block', 'machine/xen/build'],
    ...['machine/xen/console', 'machine/xen/cpu', 'machine/xen/shared-page'],
    ...['machine/xen/store', 'machine/xen/toolstack', 'machine/xen/xenbus'],
  ],
  'machine/machine-end': [],
  'machine/fault-text': ['vcpu-x86'],
  'machine/run-loop': ['machine/host'],
  // The board wires devices to buses; the PC's memory is the CPU's second stage too.
  'machine/pc-board': [
    'memory',
    'machine/bus',
    'machine/pc',
    'machine/pc/bus-window',
    'machine/timer-queue',
  ],
  'machine/pc-memory': ['memory', 'vcpu-x86', 'machine/loader'],
  // What disks are made of: shared by all devices that show one, so it knows none of them.
  'machine/storage': [],
  // What frames go through: shared by all network devices, so it knows none of them.
  'machine/network': [],
  // Services for paravirtual guests know no hypervisor: they get a page and an event channel.
  'machine/xen/shared-page': [],
  // What other processes may ask of a machine: methods by name, which the host's socket carries.
  'machine/control-method': [],
  'machine/xen/store-methods': ['machine/control-method', 'machine/xen/store'],
  'machine/xen/message-log': ['machine/control-method'],
  'machine/xen/store': ['abi', 'machine/xen/shared-page'],
  'machine/xen/console': ['abi', 'machine/xen/shared-page'],
  'machine/xen/toolstack': ['abi', 'machine/xen/store'],
  'machine/xen/testing': ['abi', 'machine/xen/shared-page', 'machine/xen/store'],
  // Back-ends of Xen's split drivers: they know guests by their grants and events only, and no CPU.
  'machine/xen/store-access': [],
  'machine/xen/backend-host': ['hv-core', 'machine/xen/store-access'],
  'machine/xen/ring': ['abi', 'hv-core', 'memory'],
  'machine/xen/xenbus': ['abi', 'machine/xen/backend-host', 'machine/xen/store-access'],
  'machine/xen/block': [
    'abi',
    'hv-core',
    'memory',
    'machine/storage',
    'machine/xen/backend-host',
    'machine/xen/ring',
    'machine/xen/xenbus',
  ],
  'machine/xen/net': [
    'abi',
    'hv-core',
    'memory',
    'machine/network',
    'machine/xen/backend-host',
    'machine/xen/ring',
    'machine/xen/xenbus',
  ],
  // The only place outside of the command line that touches Node.
  'machine/host': [
    'memory',
    'machine/control-method',
    'machine/device',
    'machine/clock',
    'machine/storage',
    'node:',
  ],

  cli: ['machine', 'pv-guest', 'vcpu-x86', 'npm:commander', 'node:'],
};

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

/** Every module a file names: imports, re-exports, dynamic imports, `import('…')` types, and `new URL('./…', import.meta.url)`. */
function importsOf(file: SourceFile): { specifier: string; node: ts.Node }[] {
  const found: { specifier: string; node: ts.Node }[] = [];
  const add = (node: ts.Node | undefined) => {
    if (node && ts.isStringLiteralLike(node)) found.push({ specifier: node.text, node });
  };
  visitAll(file.tree, (node) => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) add(node.moduleSpecifier);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0]);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
      add(node.argument.literal);
    else if (
      ts.isNewExpression(node) &&
      node.expression.getText(file.tree) === 'URL' &&
      node.arguments?.[1]?.getText(file.tree) === 'import.meta.url'
    )
      add(node.arguments[0]);
  });
  return found;
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
