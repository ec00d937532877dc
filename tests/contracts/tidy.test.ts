// STYLE.md's habits, as far as they can be measured. Each test lists what it found as `path:line`, so a failure is its own to-do list.
import { basename } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import {
  allPaths,
  packages,
  placeOf,
  readText,
  type SourceFile,
  sourceFiles,
  visitAll,
} from './source-tree.js';

const MAX_LINES = 400;

/** Files that may be longer, each with its own bound and the reason. Tables of facts are the only good one. */
const longer: Readonly<Record<string, { maxLines: number; why: string }>> = {
  'packages/abi/src/index.ts': {
    maxLines: 1500,
    why: "a generated list: every name of Xen's interface",
  },
};

/** Folders whose files are tables of the instruction set: as long as the manual makes them. */
const tables = ['packages/vcpu-x86/src/isa/'];

/** Files whose tests may stand aside when the host lacks what neither the product nor its installation asks for, and what that is. */
const optional: Readonly<Record<string, string>> = {
  'tests/conformance/native-oracle/host-tests.ts':
    "a processor that does a user program's instructions as processors do, which some hypervisors spoil",
  'tests/conformance/qemu-trace/qemu-trace.test.ts': 'QEMU, a second reference for debugging',
};

const files = sourceFiles();
/** Without configurations and tests, whose first lines say what they are. */
const source = files.filter(
  (file) => !file.path.endsWith('.config.ts') && !file.path.endsWith('.test.ts'),
);

function lineCount(text: string): number {
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
}

/** The comment lines a file opens with, after a `#!` line if it has one. */
function openingComment(text: string): string {
  const body = text.replace(/^#!.*\n/, '');
  return /^(?:\/\/[^\n]*\n)+|^\/\*\*?[\s\S]*?\*\//.exec(body)?.[0] ?? '';
}

function isLoop(node: ts.Node): boolean {
  return (
    ts.isForStatement(node) ||
    ts.isForOfStatement(node) ||
    ts.isForInStatement(node) ||
    ts.isWhileStatement(node) ||
    ts.isDoStatement(node)
  );
}

/** Runs once at set-up or for a snapshot, so it may allocate even in a hot file: module level, constructors, save and restore. */
function isCold(node: ts.Node): boolean {
  for (let at: ts.Node | undefined = node; at; at = at.parent) {
    if (ts.isConstructorDeclaration(at)) return true;
    if (!ts.isFunctionLike(at)) continue;
    const name = at.name?.getText() ?? '';
    if (/^(save|restore|create|build)/.test(name)) return true;
    const isNested = ts.findAncestor(at.parent, ts.isFunctionLike) !== undefined;
    if (!isNested) return false;
  }
  return true;
}

function isInLoop(node: ts.Node): boolean {
  for (let at = node.parent; at; at = at.parent) {
    if (isLoop(at)) return true;
    if (ts.isFunctionLike(at)) return false;
  }
  return false;
}

/** What a hot file must not do, in words, or null. */
function slowConstruct(node: ts.Node): string | null {
  if (ts.isTryStatement(node)) return 'try';
  if (ts.isSpreadElement(node) || ts.isSpreadAssignment(node)) return 'spread';
  if (ts.isBigIntLiteral(node)) return 'a bigint';
  if (ts.isForOfStatement(node)) return 'for…of';
  if ((ts.isArrowFunction(node) || ts.isFunctionExpression(node)) && isInLoop(node))
    return 'a closure in a loop';
  return null;
}

describe('files', () => {
  it('open with a comment that says what they hold', () => {
    const faults = source
      .filter((file) => openingComment(file.text).length < 20)
      .map((f) => f.path);
    expect(faults).toEqual([]);
  });

  it('have kebab-case names', () => {
    const name = /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|contract|bench|fuzz|shared|config|d))?\.ts$/;
    expect(files.map((file) => file.path).filter((path) => !name.test(basename(path)))).toEqual([]);
  });

  it('are named after what they hold: no utils, helpers, common, misc or types', () => {
    const bag = /(^|\/)(utils?|helpers?|common|misc|types|shared)(\.ts|\/)/;
    expect(files.map((file) => file.path).filter((path) => bag.test(path))).toEqual([]);
  });

  it(`have at most ${MAX_LINES} lines, tables excepted`, () => {
    const faults: string[] = [];
    for (const { path, text } of files) {
      if (tables.some((folder) => path.startsWith(folder)) && !path.endsWith('.test.ts')) continue;
      const limit = longer[path]?.maxLines ?? MAX_LINES;
      if (lineCount(text) > limit)
        faults.push(`${path}: ${lineCount(text)} lines, at most ${limit}`);
    }
    expect(faults).toEqual([]);
  });

  it('are excepted from the limit only while they need it', () => {
    const idle = Object.keys(longer).filter((path) => {
      const file = files.find((other) => other.path === path);
      return !file || lineCount(file.text) <= MAX_LINES;
    });
    expect(idle).toEqual([]);
  });

  it('keep half of themselves under 150 lines', () => {
    const lengths = source
      .filter((file) => file.inSource !== '' && !file.isTest)
      .map((file) => lineCount(file.text));
    lengths.sort((a, b) => a - b);
    expect(lengths[lengths.length >> 1]).toBeLessThanOrEqual(150);
  });
});

describe('sources', () => {
  it('contain no unfinished places', () => {
    const mark = new RegExp(`\\b(${['TO', 'FIX', 'XX'].join('|')})(DO|ME|X)\\b`);
    const faults: string[] = [];
    for (const { path, text } of files) {
      for (const [index, line] of text.split('\n').entries()) {
        if (mark.test(line)) faults.push(`${path}:${index + 1}`);
      }
    }
    expect(faults).toEqual([]);
  });

  it('name no interface, class or type with an I-prefix', () => {
    const faults: string[] = [];
    for (const file of files) {
      visitAll(file.tree, (node) => {
        const isType =
          ts.isInterfaceDeclaration(node) ||
          ts.isClassDeclaration(node) ||
          ts.isTypeAliasDeclaration(node);
        if (isType && /^I[A-Z][a-z]/.test(node.name?.text ?? '')) faults.push(placeOf(file, node));
      });
    }
    expect(faults).toEqual([]);
  });

  it('marked @hot hold no try, spread, bigint, for…of or closures in loops', () => {
    const faults: string[] = [];
    for (const file of files) {
      if (file.isTest || !/^\/\/ @hot\b/m.test(openingComment(file.text))) continue;
      visitAll(file.tree, (node) => {
        const construct = slowConstruct(node);
        if (construct && !isCold(node)) faults.push(`${placeOf(file, node)} ${construct}`);
      });
    }
    expect(faults).toEqual([]);
  });
});

describe('tests', () => {
  it('all run: none is focused, skipped or left to do', () => {
    const faults: string[] = [];
    const off = new Set(['only', 'skip', 'todo', 'skipIf', 'runIf']);
    for (const file of files) {
      visitAll(file.tree, (node) => {
        if (!ts.isPropertyAccessExpression(node) || !off.has(node.name.text)) return;
        if (node.name.text === 'skipIf' && file.path in optional) return;
        const head = node.expression.getText(file.tree).split('.', 1)[0] ?? '';
        if (['it', 'test', 'describe', 'bench', 'suite'].includes(head))
          faults.push(placeOf(file, node));
      });
    }
    expect(faults).toEqual([]);
  });

  it('each call expect, or a suite or property that does', () => {
    const asserts = /\b(expect|assert|fc\.|[a-z]\w*Contract)\b/;
    const faults = files
      .filter((file) => file.path.endsWith('.test.ts') && !asserts.test(file.text))
      .map((file) => file.path);
    expect(faults).toEqual([]);
  });
});

describe.each(packages())('package $folder', ({ folder, manifest }) => {
  const entries = Object.values(manifest.exports)
    .filter((target): target is Record<string, string> => typeof target === 'object')
    .map((target) => (target['proxeny-source'] ?? '').replace('./', `packages/${folder}/`));

  it('has an index for each of its exports and no other', () => {
    const indexes = files
      .filter((f) => f.package === folder && basename(f.path) === 'index.ts')
      .map((f) => f.path);
    expect(indexes.sort()).toEqual([...entries].sort());
  });

  it('lists every exported name in its indexes, and defines nothing there', () => {
    const faults: string[] = [];
    for (const file of files.filter((other: SourceFile) => entries.includes(other.path))) {
      for (const statement of file.tree.statements) {
        const isList =
          ts.isExportDeclaration(statement) &&
          statement.exportClause !== undefined &&
          ts.isNamedExports(statement.exportClause);
        if (!isList) faults.push(placeOf(file, statement));
      }
    }
    expect(faults).toEqual([]);
  });

  it('has a README and a CHANGELOG', () => {
    const paths = allPaths();
    for (const name of ['README.md', 'CHANGELOG.md']) {
      expect(paths).toContain(`packages/${folder}/${name}`);
      expect(readText(`packages/${folder}/${name}`)).toContain(`# ${manifest.name}`);
    }
  });
});
