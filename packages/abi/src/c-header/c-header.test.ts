// The committed C headers: written from the data as it is now, accepted by a C compiler for guests of both word sizes, and laid out by
// it as our own layouts say.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { WordSize } from '@proxeny/memory';
import { describe, expect, it } from 'vitest';
import { constantAssertions, layoutAssertions } from './assertions.js';
import { families, scalars } from './families.js';
import { familyHeader, isRecord, scalarHeader } from './header-text.js';

const source = fileURLToPath(new URL('..', import.meta.url));
const include = join(source, '../include/');

function header(name: string): string {
  return readFileSync(`${include}proxeny-xen/${name}.h`, 'utf8');
}

/** What gcc says to `code`; it is only parsed, so that no library for the word size is needed. */
function compilerOutput(code: string, word: WordSize): string {
  const flags = [`-m${word}`, '-std=c11', '-Wall', '-Wextra', '-Werror', '-ffreestanding'];
  try {
    execFileSync('gcc', [...flags, '-fsyntax-only', '-I', include, '-x', 'c', '-'], {
      input: code,
      stdio: 'pipe',
    });
    return '';
  } catch (error) {
    const { code: reason, stderr } = error as { code?: string; stderr?: Buffer };
    if (reason === 'ENOENT') throw new Error('gcc was not found; install the Debian package "gcc"');
    return String(stderr);
  }
}

describe('the C headers', () => {
  it('are as `npm run generate` would write them now', () => {
    expect(header('scalar')).toBe(scalarHeader(scalars.exports));
    for (const family of families) {
      const text = readFileSync(`${source}${family.name}.ts`, 'utf8');
      expect(header(family.name), family.name).toBe(familyHeader(family, text));
    }
  });

  it('are one for every family of the package, and no other', () => {
    const sources = readdirSync(source)
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
      .map((file) => file.replace('.ts', ''))
      .filter((name) => !['index', 'operation', 'hypercall'].includes(name));
    expect(readdirSync(`${include}proxeny-xen`)).toEqual(sources.map((name) => `${name}.h`).sort());
    expect([...families.map(({ name }) => name), 'scalar'].sort()).toEqual(sources.sort());
  });

  it.each([32, 64] as const)('each compile alone for %i-bit guests', (word) => {
    for (const { name } of families)
      expect(compilerOutput(`#include <proxeny-xen/${name}.h>\n`, word), name).toBe('');
  });

  it.each([32, 64] as const)(
    'have the sizes, offsets and values of the data in %i-bit guests',
    (word) => {
      const lines = families.map(({ name }) => `#include <proxeny-xen/${name}.h>`);
      let records = 0;
      for (const { exports } of families) {
        for (const [name, value] of Object.entries(exports)) {
          if (isRecord(value)) {
            records += 1;
            lines.push(...layoutAssertions(value, word));
          } else lines.push(...constantAssertions(name, value, word));
        }
      }
      expect(records).toBeGreaterThan(100);
      expect(compilerOutput(lines.join('\n'), word)).toBe('');
    },
  );

  it('would not compile with a wrong offset', () => {
    const wrong = '_Static_assert(__builtin_offsetof(struct evtchn_status, vcpu) == 8, "vcpu");';
    const output = compilerOutput(`#include <proxeny-xen/event-channel.h>\n${wrong}`, 64);
    expect(output).toContain('static assertion failed: "vcpu"');
  });
});
