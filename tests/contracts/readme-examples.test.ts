// Runs the TypeScript examples of every README and checks what they say they print.
// In an example, `console.log(…); // text` promises that this call prints `text`; each example must promise something.
// Examples resolve `@proxeny/*` to sources, as all tests do, and must also pass the type checker.
import { execFile } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { packages, readText, root } from './source-tree.js';

/** How many examples each README holds. A 0 is a debt: CAVEATS.md names it, and raising it is all that is needed here. */
const exampleCounts: Readonly<Record<string, number>> = {
  'README.md': 0,
  'packages/abi/README.md': 1,
  'packages/cli/README.md': 1,
  'packages/hv-core/README.md': 1,
  'packages/machine/README.md': 1,
  'packages/memory/README.md': 2,
  'packages/pv-guest/README.md': 2,
  'packages/vcpu-x86/README.md': 0,
  'packages/virtio/README.md': 2,
};

interface Example {
  readonly readme: string;
  readonly file: string;
  readonly code: string;
  /** What its `console.log` lines promise to print, in order. */
  readonly promised: readonly string[];
}

const folder = join(root, 'tests/.cache/readme-examples');

function examplesOf(readme: string): Example[] {
  const blocks = [...readText(readme).matchAll(/^```ts\n([\s\S]*?)^```$/gm)];
  return blocks.map(([, code = ''], index) => ({
    readme,
    file: join(folder, `${readme.replace(/\W+/g, '-').toLowerCase()}-${index + 1}.ts`),
    code,
    promised: [...code.matchAll(/^\s*console\.log\(.*\); \/\/ (.*)$/gm)].map(
      ([, text = '']) => text,
    ),
  }));
}

const examples = Object.keys(exampleCounts).flatMap(examplesOf);

beforeAll(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const { file, code } of examples) writeFileSync(file, code);
  const config = { extends: '../../tsconfig.json', include: ['*.ts'], exclude: [] };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('lists every package', () => {
  const readmes = ['README.md', ...packages().map((each) => `packages/${each.folder}/README.md`)];
  expect(Object.keys(exampleCounts).sort()).toEqual(readmes.sort());
});

it.each(Object.entries(exampleCounts))('%s holds %i examples', (readme, count) => {
  expect(examplesOf(readme)).toHaveLength(count);
});

it('are accepted by the type checker', async () => {
  const tsc = join(root, 'node_modules/@typescript/native/bin/tsc');
  const run = promisify(execFile)(process.execPath, [tsc, '-p', folder, '--pretty', 'false']);
  const output = await run.then(
    ({ stdout }) => stdout,
    (error: { stdout?: string; message: string }) => error.stdout || error.message,
  );
  expect(output).toBe('');
});

describe.each(examples)('$readme', ({ file, promised }) => {
  it('has an example that prints what it says', async () => {
    const printed: string[] = [];
    const log = vi.spyOn(console, 'log').mockImplementation((...values: unknown[]) => {
      printed.push(values.map(String).join(' '));
    });
    try {
      await import(pathToFileURL(file).href);
    } finally {
      log.mockRestore();
    }
    expect(promised.length).toBeGreaterThan(0);
    expect(printed).toEqual(promised);
  });
});
