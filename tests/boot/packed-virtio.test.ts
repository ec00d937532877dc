// @proxeny/virtio alone: the README's examples run in a folder outside of the workspace, against what would be published.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { expect, it } from 'vitest';
import { readText, root } from '../contracts/source-tree.js';

/** Installs a package of the workspace from the archive that npm would publish. */
function installPacked(name: string, folder: string): void {
  const target = join(folder, 'node_modules/@proxeny', name);
  const archives = join(folder, 'archives', name);
  for (const each of [target, archives]) mkdirSync(each, { recursive: true });
  const options = { cwd: join(root, 'packages', name), stdio: 'pipe' } as const;
  execFileSync('npm', ['pack', '--ignore-scripts', '--pack-destination', archives], options);
  const [archive] = readdirSync(archives);
  execFileSync('tar', ['-xzf', join(archives, archive), '-C', target, '--strip-components=1']);
}

it('the examples of the README print what they say', () => {
  const folder = mkdtempSync(join(tmpdir(), 'packed-virtio-'));
  for (const name of ['memory', 'virtio']) installPacked(name, folder);
  const examples = [...readText('packages/virtio/README.md').matchAll(/^```ts\n([\s\S]*?)^```$/gm)];
  expect(examples.length).toBeGreaterThan(0);
  for (const [, code] of examples) {
    const { outputText } = ts.transpileModule(code, {
      compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
    });
    writeFileSync(join(folder, 'example.mjs'), outputText);
    const printed = String(execFileSync(process.execPath, ['example.mjs'], { cwd: folder }));
    const promised = [...code.matchAll(/^\s*console\.log\(.*\); \/\/ (.*)$/gm)].map(
      ([, text]) => text,
    );
    expect(printed.trim().split('\n')).toEqual(promised);
  }
  rmSync(folder, { recursive: true });
});
