import { describe, expect, it } from 'vitest';
import { codeBytes, codeLines } from './disassemble.js';

const bytes = (text: string) => new TextEncoder().encode(text);
const listing = (hex: string, bits: 16 | 32 | 64, origin = 0n) =>
  [...codeLines(Buffer.from(hex, 'hex'), bits, origin)].map((line) => line.trimEnd());

describe('a listing', () => {
  it('has address, bytes and text of each instruction', () => {
    expect(listing('4889e5c3', 64, 0x401000n)).toEqual([
      '00401000  4889e5                mov rbp, rsp',
      '00401003  c3                    ret',
    ]);
  });

  it('follows the code size', () => {
    expect(listing('b80100', 16)[0]).toContain('mov ax, 1');
    expect(listing('b801000000', 32)[0]).toContain('mov eax, 1');
  });

  it('has wide addresses for code above 4 GiB', () => {
    expect(listing('90', 64, 0xffffffff81000000n)).toEqual([
      'ffffffff81000000  90                    nop',
    ]);
  });

  it('shows what does not decode as bytes, and goes on', () => {
    expect(listing('0f0b0fff90', 64).at(-1)).toBe('00000004  90                    nop');
    expect(listing('48b8', 64)[0]).toContain('db 0x48 ; cut off');
  });
});

describe('the input of a listing', () => {
  it('may be hexadecimal digits in the usual spellings', () => {
    for (const text of ['90 c3\n', '90c3', '0x90, 0xc3', '\\x90\\xc3', '90\n C3'])
      expect([...codeBytes(bytes(text), 'auto')]).toEqual([0x90, 0xc3]);
  });

  it('is binary when it is not hexadecimal, or when that is said', () => {
    expect([...codeBytes(Uint8Array.of(0x0f, 5), 'auto')]).toEqual([0x0f, 5]);
    expect([...codeBytes(bytes('90c3'), 'binary')]).toEqual([...bytes('90c3')]);
    expect([...codeBytes(bytes('90c'), 'auto')]).toEqual([...bytes('90c')]);
  });

  it('is refused when it should be hexadecimal and is not', () => {
    expect(() => codeBytes(bytes('90 zz'), 'hex')).toThrow('not hexadecimal');
  });
});
