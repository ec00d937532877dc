// Stores of a kernel to page tables it has mapped read only: vm_assist, VMASST_TYPE_writable_pagetables.
import {
  __HYPERVISOR_vm_assist,
  VMASST_CMD_enable,
  VMASST_TYPE_writable_pagetables,
} from '@proxeny/abi';
import { afterEach, describe, expect, it } from 'vitest';
import { DATA, entry, L1_PAGE, L2_PAGE, PTE_RW, READ_ONLY } from './pv-memory.js';
import { TrapMachine } from './trap-machine.js';

let m: TrapMachine;
afterEach(() => expect(m.finish()).toEqual([]));

function machine(word: 32 | 64 = 64): void {
  m = new TrapMachine({ word });
  expect(m.call(__HYPERVISOR_vm_assist, VMASST_CMD_enable, VMASST_TYPE_writable_pagetables)).toBe(
    0,
  );
}

/** A page that nothing else needs, and the place of its entry. */
const PAGE = 20;
const slot = (page: number): number => L1_PAGE * 4096 + page * 8;
const mfn = (page: number): number => m.memory.mfns[page] as number;

/** What became of a store: whether it was done. One that was not has changed nothing. */
function store(address: number, size: number, value: bigint): boolean {
  const before = m.digest();
  let isDone = false;
  m.act(() => {
    isDone = m.traps.storeReadOnly(
      address,
      size,
      Number(value & 0xffff_ffffn),
      Number((value >> 32n) & 0xffff_ffffn),
    );
  });
  if (!isDone) expect(m.digest()).toBe(before);
  return isDone;
}

const entryOf = (page: number): bigint =>
  new DataView(m.read(slot(page), 8).buffer).getBigUint64(0, true);
const references = (page: number): number => m.hypervisor.frames.references[mfn(page)] as number;

describe('a store to an L1 table', () => {
  it('maps, unmaps and remaps a page as mmu_update would', () => {
    machine();
    const count = references(PAGE);
    expect(store(slot(PAGE), 8, 0n)).toBe(true);
    expect([entryOf(PAGE), references(PAGE)]).toEqual([0n, count - 1]);
    expect(store(slot(PAGE), 8, entry(mfn(PAGE)))).toBe(true);
    expect(references(PAGE)).toBe(count);
    expect(entryOf(PAGE) & 0xfffn).toBe(BigInt(DATA) | 0x100n);
    expect(store(slot(PAGE), 8, entry(mfn(21)))).toBe(true);
    expect([references(PAGE), references(21)]).toEqual([count - 1, count + 1]);
  });

  it('of part of an entry keeps the rest', () => {
    machine();
    expect(store(slot(PAGE), 4, entry(mfn(PAGE), READ_ONLY) & 0xffff_ffffn)).toBe(true);
    expect(entryOf(PAGE) & BigInt(PTE_RW)).toBe(0n);
    expect(store(slot(PAGE) + 4, 4, 0x8000_0000n)).toBe(true);
    expect(entryOf(PAGE) >> 63n).toBe(1n);
    expect(store(slot(PAGE), 1, 0x05n)).toBe(true);
    expect(entryOf(PAGE) & 0xffn).toBe(0x05n);
    expect(store(slot(PAGE) + 6, 2, 0n)).toBe(true);
    expect(entryOf(PAGE) >> 48n).toBe(0n);
  });

  it.each([
    ['a frame that is not the guest’s', () => entry(2)],
    ['a frame that does not exist', () => entry(0xf_ffff)],
    ['a page table, writable', () => entry(mfn(L1_PAGE))],
    ['caching bits', () => entry(mfn(PAGE), DATA | 0x10)],
  ])('of an entry for %s is not done', (_, value) => {
    machine();
    expect(store(slot(PAGE), 8, value())).toBe(false);
  });

  it('that is not aligned, or of more than eight bytes, is not done', () => {
    machine();
    expect(store(slot(PAGE) + 2, 4, 0n)).toBe(false);
    expect(store(slot(PAGE), 16, 0n)).toBe(false);
  });

  it('from user mode is not done', () => {
    machine();
    m.enterUser();
    expect(store(slot(PAGE), 8, 0n)).toBe(false);
  });

  it('without the assist is not done', () => {
    m = new TrapMachine();
    expect(store(slot(PAGE), 8, 0n)).toBe(false);
  });

  it('of a PAE guest may write the high half first: the entry is not there until the low half is', () => {
    machine(32);
    expect(store(slot(PAGE) + 4, 4, 0x10n)).toBe(true);
    expect(entryOf(PAGE) & 1n).toBe(0n);
    expect(store(slot(PAGE) + 4, 4, 0n)).toBe(true);
    expect(store(slot(PAGE), 4, entry(mfn(PAGE)))).toBe(true);
    expect(entryOf(PAGE) & 1n).toBe(1n);
  });

  it('of a 64-bit guest may not', () => {
    machine();
    expect(store(slot(PAGE) + 4, 4, 0x10n)).toBe(false);
  });
});

describe('a store to a read-only page that is no L1 table', () => {
  it('is not done: a higher table, or data', () => {
    machine();
    expect(store(L2_PAGE * 4096 + 8, 8, 0n)).toBe(false);
    expect(store(slot(PAGE), 8, entry(mfn(PAGE), READ_ONLY))).toBe(true);
    expect(store(PAGE * 4096, 8, 0n)).toBe(false);
  });

  it('is not done: a page that is not mapped, or is the hypervisor’s', () => {
    machine();
    expect(store(0x50_0000, 8, 0n)).toBe(false);
    expect(store(-0x8000_0000_0000, 8, 0n)).toBe(false);
  });
});
