import { XEN_ELFNOTE_ENTRY, XEN_ELFNOTE_HYPERCALL_PAGE } from '@proxeny/abi';
import { assemble } from '@proxeny/vcpu-x86/asm';
import { describe, expect, it } from 'vitest';
import { assemblePairKernel } from './pair-kernel.js';
import { wideText } from './wide-text.js';

const file = assemblePairKernel();
const view = new DataView(file.buffer);
const number = (at: number): number => Number(view.getBigUint64(at, true));
/** Members of a program header: type, offset, address, bytes in the file and in memory. */
const header = (index: number): number[] => {
  const at = number(32) + index * 56;
  const fields = [8, 16, 32, 40].map((offset) => number(at + offset));
  return [view.getUint32(at, true), ...fields];
};

describe("the pair's kernel", () => {
  it('is an ELF file of one segment, cleared memory behind it, and notes', () => {
    const [load, note] = [header(0), header(1)];
    expect(load[0]).toBe(1);
    expect(load[1] + load[3]).toBe(file.length);
    expect(load[4]).toBeGreaterThan(load[3] + 0x4000);
    expect(note[0]).toBe(4);
  });

  it('says where it starts and where its hypercall page is: an empty page at its beginning', () => {
    const [, at, , length] = header(1);
    const [, codeAt, address] = header(0);
    const notes = new Map<number, number>();
    for (let next = at; next < at + length; ) {
      const [nameBytes, valueBytes, type] = [0, 4, 8].map((i) => view.getUint32(next + i, true));
      const valueAt = next + 12 + ((nameBytes + 3) & ~3);
      if (valueBytes === 8) notes.set(type, number(valueAt));
      next = valueAt + ((valueBytes + 3) & ~3);
    }
    expect(notes.get(XEN_ELFNOTE_HYPERCALL_PAGE)).toBe(address);
    expect(notes.get(XEN_ELFNOTE_ENTRY)).toBe(address + 4096);
    expect(file.subarray(codeAt, codeAt + 4096).every((byte) => byte === 0)).toBe(true);
    expect(file[number(24) - address + codeAt]).toBe(0xfc); // cld
  });
});

describe('a routine for both word sizes', () => {
  it('is 64-bit code when its pushes, pops and jumps are widened', () => {
    const text = 'pushad\npush esi\npop eax\njmp ebx\npopad\nmov eax, [ebx + 4]';
    const wide = assemble(wideText(text), { bits: 64 }).bytes;
    const [push, pop] = [[0x56], [0x58]];
    expect([...wide.subarray(7, 11)]).toEqual([...push, ...pop, 0xff, 0xe3]);
    expect([...wide.subarray(18)]).toEqual([0x67, 0x8b, 0x43, 0x04]);
  });
});
