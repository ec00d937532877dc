// What an engine that keeps a kernel's translations over a change of page-table roots hears when one of them goes stale.
import { UVMF_NONE } from '@proxeny/abi';
import type { NativeCode, NativeGuest } from '@proxeny/pv-guest';
import { expect, it } from 'vitest';
import { FREE_PAGE, FREE_PAGE_2, mapAt, mfnOf, pv64, slotAt, update } from './mmu-calls.js';
import { NativeMachine } from './native-machine.js';
import {
  DATA,
  entry,
  L1_PAGE,
  L2_PAGE,
  L4_PAGE,
  PTE_US,
  type PvMemory,
  READ_ONLY,
} from './pv-memory.js';

const EMPTY = 100 * 4096;
const KERNEL_DATA = DATA & ~PTE_US;
const KERNEL_READ_ONLY = READ_ONLY & ~PTE_US;

interface Told {
  /** Pages of the guest's, whether they may still be read, and whether they could be executed. */
  readonly pages: (readonly [page: number, isReadable: boolean, wasExecutable: boolean])[];
  tables: number;
}

/** What was told while a kernel did something that returns 0; FREE_PAGE is mapped at EMPTY. */
function told(act: (g: NativeGuest, m: PvMemory) => NativeCode<number>, flags = KERNEL_DATA): Told {
  const machine = new NativeMachine();
  const { pageTables } = machine.hypervisor;
  const result: Told = { pages: [], tables: 0 };
  const status = machine.only(function* (g, m) {
    yield* mapAt(g, EMPTY, entry(mfnOf(m, FREE_PAGE), flags), UVMF_NONE);
    pageTables.onKernelPageUnmapped = (mfn, isReadable, wasExecutable) =>
      result.pages.push([m.mfns.indexOf(mfn), isReadable, wasExecutable]);
    pageTables.onTableUnmapped = () => result.tables++;
    return yield* act(g, m);
  }, pv64);
  expect(status).toBe(0);
  return result;
}
const map = (page: number, flags: number, more = 0n, before = KERNEL_DATA) =>
  told((g, m) => mapAt(g, EMPTY, entry(mfnOf(m, page), flags) | more, UVMF_NONE), before);
const NO_EXECUTE = 1n << 63n;

it('a page of the kernel’s that goes, or is replaced, is told', () => {
  const gone = { pages: [[FREE_PAGE, false, true]], tables: 0 };
  expect(told((g) => mapAt(g, EMPTY, 0n, UVMF_NONE))).toEqual(gone);
  expect(map(FREE_PAGE_2, KERNEL_DATA)).toEqual(gone);
});

it('a page of the kernel’s that may no longer be written is told as such', () => {
  expect(map(FREE_PAGE, KERNEL_READ_ONLY)).toEqual({ pages: [[FREE_PAGE, true, true]], tables: 0 });
});

it('a page of the kernel’s that may no longer be executed is told as one that goes', () => {
  const gone = { pages: [[FREE_PAGE, false, true]], tables: 0 };
  expect(map(FREE_PAGE, KERNEL_DATA, NO_EXECUTE)).toEqual(gone);
});

it('a page of the kernel’s that becomes user mode’s is told as one that goes', () => {
  expect(map(FREE_PAGE, DATA)).toEqual({ pages: [[FREE_PAGE, false, true]], tables: 0 });
});

it('of a page that goes it is told whether it could be executed', () => {
  const result = told(function* (g, m) {
    const data = entry(mfnOf(m, FREE_PAGE_2), KERNEL_DATA) | NO_EXECUTE;
    return (yield* mapAt(g, EMPTY, data, UVMF_NONE)) || (yield* mapAt(g, EMPTY, 0n, UVMF_NONE));
  });
  expect(result.pages).toEqual([
    [FREE_PAGE, false, true],
    [FREE_PAGE_2, false, false],
  ]);
});

it('the same entry again, or more rights, are not told', () => {
  expect(map(FREE_PAGE, KERNEL_DATA)).toEqual({ pages: [], tables: 0 });
  const widened = told(
    (g, m) => mapAt(g, EMPTY, entry(mfnOf(m, FREE_PAGE), KERNEL_DATA), UVMF_NONE),
    KERNEL_READ_ONLY,
  );
  expect(widened).toEqual({ pages: [], tables: 0 });
});

it('a page of user mode’s is not told', () => {
  expect(told((g) => mapAt(g, EMPTY, 0n, UVMF_NONE), DATA)).toEqual({ pages: [], tables: 0 });
});

/** What is told when the L1 is put at a second place, and what is there is replaced. */
const replaceTable = (flags: number, replaced: (m: PvMemory) => bigint): Told =>
  told(function* (g, m) {
    const at = slotAt(m, L2_PAGE, 1);
    const status = yield* update(g, at, entry(mfnOf(m, L1_PAGE)));
    return status || (yield* update(g, at, replaced(m)));
  }, flags);

it('a table with pages of the kernel’s that is taken out, or has less rights, is told', () => {
  const once = { pages: [], tables: 1 };
  expect(replaceTable(KERNEL_DATA, () => 0n)).toEqual(once);
  const table = (m: PvMemory): bigint => entry(mfnOf(m, L1_PAGE));
  expect(replaceTable(KERNEL_DATA, (m) => table(m) | NO_EXECUTE)).toEqual(once);
  expect(replaceTable(KERNEL_DATA, (m) => table(m) & ~2n)).toEqual(once);
  expect(replaceTable(KERNEL_DATA, table)).toEqual({ pages: [], tables: 0 });
});

it('a table with pages of user mode’s alone is not told', () => {
  expect(replaceTable(DATA, () => 0n)).toEqual({ pages: [], tables: 0 });
});

it('but to a guest that sees its tables through themselves', () => {
  const result = told(function* (g, m) {
    const status = yield* update(g, slotAt(m, L4_PAGE, 300), entry(m.root, READ_ONLY));
    const at = slotAt(m, L2_PAGE, 1);
    return status || (yield* update(g, at, entry(mfnOf(m, L1_PAGE)))) || (yield* update(g, at, 0n));
  }, DATA);
  expect(result).toEqual({ pages: [], tables: 1 });
});
