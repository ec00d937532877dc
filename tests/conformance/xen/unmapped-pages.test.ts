// What an engine that keeps a kernel's translations over a change of page-table roots hears when one of them goes stale.
import { UVMF_NONE } from '@proxeny/abi';
import type { NativeCode, NativeGuest } from '@proxeny/pv-guest';
import { expect, it } from 'vitest';
import { FREE_PAGE, FREE_PAGE_2, mapAt, mfnOf, pv64, slotAt, update } from './mmu-calls.js';
import { NativeMachine } from './native-machine.js';
import { DATA, entry, L1_PAGE, L2_PAGE, PTE_US, type PvMemory, READ_ONLY } from './pv-memory.js';

const EMPTY = 100 * 4096;
const KERNEL_DATA = DATA & ~PTE_US;
const KERNEL_READ_ONLY = READ_ONLY & ~PTE_US;

interface Told {
  /** Pages of the guest's, and whether they may still be read. */
  readonly pages: (readonly [page: number, isReadable: boolean])[];
  tables: number;
}

/** What was told while a kernel did something that returns 0; FREE_PAGE is mapped at EMPTY. */
function told(act: (g: NativeGuest, m: PvMemory) => NativeCode<number>, flags = KERNEL_DATA): Told {
  const machine = new NativeMachine();
  const { pageTables } = machine.hypervisor;
  const result: Told = { pages: [], tables: 0 };
  const status = machine.only(function* (g, m) {
    yield* mapAt(g, EMPTY, entry(mfnOf(m, FREE_PAGE), flags), UVMF_NONE);
    pageTables.onKernelPageUnmapped = (mfn, isReadable) =>
      result.pages.push([m.mfns.indexOf(mfn), isReadable]);
    pageTables.onTableUnmapped = () => result.tables++;
    return yield* act(g, m);
  }, pv64);
  expect(status).toBe(0);
  return result;
}
const map = (page: number, flags: number) =>
  told((g, m) => mapAt(g, EMPTY, entry(mfnOf(m, page), flags), UVMF_NONE));

it('a page of the kernel’s that goes, or is replaced, is told', () => {
  const gone = { pages: [[FREE_PAGE, false]], tables: 0 };
  expect(told((g) => mapAt(g, EMPTY, 0n, UVMF_NONE))).toEqual(gone);
  expect(map(FREE_PAGE_2, KERNEL_DATA)).toEqual(gone);
});

it('a page of the kernel’s that may no longer be written is told as such', () => {
  expect(map(FREE_PAGE, KERNEL_READ_ONLY)).toEqual({ pages: [[FREE_PAGE, true]], tables: 0 });
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

it('a table that is taken out is told', () => {
  const result = told(function* (g, m) {
    const at = slotAt(m, L2_PAGE, 1);
    const status = yield* update(g, at, entry(mfnOf(m, L1_PAGE)));
    return status || (yield* update(g, at, 0n));
  });
  expect(result).toEqual({ pages: [], tables: 1 });
});
