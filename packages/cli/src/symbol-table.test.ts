import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSymbols } from './symbol-table.js';

function file(text: string): string {
  const path = join(tmpdir(), `proxeny-symbols-${process.pid}.map`);
  writeFileSync(path, text);
  return path;
}

describe('a System.map', () => {
  it('names the function that an address lies in, and none where data or nothing is', async () => {
    const symbols = await readSymbols(
      file('c1000010 t second\nc1000000 T first\nc1000020 d data\nc0000000 A start\n'),
    );
    expect(symbols.nameOf(0xc1000000)).toBe('first');
    expect(symbols.nameOf(0xc100000f)).toBe('first');
    expect(symbols.nameOf(0xc1000025)).toBe('second');
    expect(symbols.nameOf(0xc0ffffff)).toBeNull();
    expect(symbols.nameOf(0xc2000000)).toBeNull();
  });

  it('has addresses of 64 bits as the CPU has them, and lines of modules', async () => {
    const symbols = await readSymbols(
      file('ffffffff81000000 T _text\nffffffffc0001000 t probe\t[e1000]\n'),
    );
    expect(symbols.nameOf(-0x7f000000 + 4)).toBe('_text');
    expect(symbols.nameOf(-0x3ffff000)).toBe('probe');
  });

  it('without symbols of code is refused in one line', async () => {
    await expect(
      readSymbols(file('ffffffffffffffff B The real one is elsewhere\n')),
    ).rejects.toThrow(/^--symbols '.*' has no symbols of code; name a System\.map/);
  });
});
