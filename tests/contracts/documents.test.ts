// The documents stay true where a machine can tell: links lead somewhere, and every promised number names a test that exists.
import { existsSync } from 'node:fs';
import { join, posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { allPaths, readText, root } from './source-tree.js';

const documents = allPaths().filter((path) => path.endsWith('.md'));

describe.each(documents)('%s', (document) => {
  it('links only to files that exist', () => {
    const text = readText(document).replace(/^```[\s\S]*?^```$/gm, '');
    const broken = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)]
      .map(([, target = '']) => posix.join(posix.dirname(document), target))
      .filter((path) => !existsSync(join(root, path)));
    expect(broken).toEqual([]);
  });
});

describe('SPECIFICATION.md', () => {
  /** Rows of its tables: promise, number, enforced by. */
  const rows = readText('SPECIFICATION.md')
    .split('\n')
    .filter(
      (line) => line.startsWith('| ') && !line.startsWith('| Promise') && !line.startsWith('| ---'),
    )
    .map((line) => line.split('|').map((cell) => cell.trim()));

  it('names for each promise a test that exists, or says that nothing enforces it yet', () => {
    expect(rows.length).toBeGreaterThan(0);
    const faults = rows
      .map((cells) => ({ promise: cells[1], by: cells[3] ?? '' }))
      .filter(({ by }) => {
        const path = /^`([^`]+)`/.exec(by)?.[1];
        return path ? !existsSync(join(root, path)) : by !== 'not yet';
      });
    expect(faults).toEqual([]);
  });
});
