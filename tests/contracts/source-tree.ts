// The repository as the contracts read it: its packages, and every TypeScript file with its syntax tree.
// Folders that hold no source (dependencies, build results, caches) are left out by name.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export const root: string = fileURLToPath(new URL('../..', import.meta.url));

const notSource = new Set(['node_modules', 'dist', 'coverage', '.git', '.turbo', '.cache']);

/** One `packages/<name>/package.json`, as far as the contracts look at it. */
export interface Manifest {
  name: string;
  exports: Record<string, string | Record<string, string>>;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
}

export interface Package {
  /** Its folder under `packages/`. */
  readonly folder: string;
  readonly manifest: Manifest;
}

export interface SourceFile {
  /** From the root of the repository, with `/`. */
  readonly path: string;
  /** The package's folder name, or '' outside of `packages/`. */
  readonly package: string;
  /** Path below the package's `src/`, or '' for files that are not below one. */
  readonly inSource: string;
  /** A unit test, a contract suite or a benchmark beside the source: never published. */
  readonly isTest: boolean;
  readonly text: string;
  readonly tree: ts.SourceFile;
}

function* walk(folder: string): Generator<string> {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    if (notSource.has(entry.name)) continue;
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) yield* walk(path);
    else if (entry.isFile()) yield path;
  }
}

/** Every file of the repository that is not a build result, by path from its root. */
export function allPaths(): string[] {
  return [...walk('')].sort();
}

export function readText(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

export function packages(): Package[] {
  return readdirSync(join(root, 'packages'))
    .filter((folder) => existsSync(join(root, 'packages', folder, 'package.json')))
    .map((folder) => ({
      folder,
      manifest: JSON.parse(readText(`packages/${folder}/package.json`)) as Manifest,
    }));
}

/** Every TypeScript file under `packages/`, `tests/` and `tools/`, and those at the root. */
export function sourceFiles(): SourceFile[] {
  const files: SourceFile[] = [];
  for (const path of allPaths()) {
    if (!path.endsWith('.ts')) continue;
    const text = readText(path);
    const match = /^packages\/([^/]+)\/(?:src\/(.*))?/.exec(path);
    files.push({
      path,
      package: match?.[1] ?? '',
      inSource: match?.[2] ?? '',
      isTest: /\.(test|contract|bench|fuzz)\.ts$/.test(path),
      text,
      tree: ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true),
    });
  }
  return files;
}

/** Calls `visit` for every node of a tree, parents first. */
export function visitAll(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  node.forEachChild((child) => visitAll(child, visit));
}

/** `path:line` of a node, for messages. */
export function placeOf(file: SourceFile, node: ts.Node): string {
  const { line } = file.tree.getLineAndCharacterOfPosition(node.getStart(file.tree));
  return `${file.path}:${line + 1}`;
}
