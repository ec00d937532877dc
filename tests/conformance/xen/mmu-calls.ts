// Page-table hypercalls as native guests make them: results alone, or with how many requests were done.
import {
  __HYPERVISOR_mmu_update,
  __HYPERVISOR_mmuext_op,
  __HYPERVISOR_update_va_mapping,
  __HYPERVISOR_update_va_mapping_otherdomain,
  DOMID_SELF,
  MMUEXT_PIN_L1_TABLE,
  MMUEXT_UNPIN_TABLE,
  mmu_update,
  mmuext_op,
  UVMF_INVLPG,
} from '@proxeny/abi';
import type { NativeCode, NativeGuest } from '@proxeny/pv-guest';
import { entry, type PvMemory, READ_ONLY } from './pv-memory.js';

/** Options of page-table guests. */
export const pv64 = { kind: 'pv', word: 64 } as const;
export const pv32 = { kind: 'pv', word: 32 } as const;

/** A page for nothing else, and the one behind it. */
export const FREE_PAGE = 12;
export const FREE_PAGE_2 = 13;
export const FREE_PAGE_3 = 14;

/** The machine frame of a page of the guest's. */
export function mfnOf(memory: PvMemory, page: number): number {
  return memory.mfns[page] as number;
}

/** Where an entry is, as mmu_update takes it. */
export function slotAt(memory: PvMemory, page: number, slot: number, command = 0): number {
  return mfnOf(memory, page) * 4096 + slot * 8 + command;
}

/** mmu_update of several requests: its result. */
export function* updates(
  g: NativeGuest,
  requests: readonly (readonly [ptr: number, val: bigint])[],
  pdone = 0,
  foreigndom = DOMID_SELF,
): NativeCode<number> {
  for (const [i, [ptr, val]] of requests.entries()) {
    g.writeRecord(mmu_update, g.scratch + i * mmu_update.of(g.word).byteLength, { ptr, val });
  }
  return yield* g.hypercall(__HYPERVISOR_mmu_update, g.scratch, requests.length, pdone, foreigndom);
}

export function* update(
  g: NativeGuest,
  ptr: number,
  val: bigint,
  foreigndom = DOMID_SELF,
): NativeCode<number> {
  return yield* updates(g, [[ptr, val]], 0, foreigndom);
}

export type ExtRequest = readonly [cmd: number, arg1?: number, arg2?: number];

/** mmuext_op of several requests: its result. */
export function* operations(
  g: NativeGuest,
  requests: readonly ExtRequest[],
  pdone = 0,
  foreigndom = DOMID_SELF,
): NativeCode<number> {
  for (const [i, [cmd, arg1 = 0, arg2 = 0]] of requests.entries()) {
    g.writeRecord(mmuext_op, g.scratch + i * mmuext_op.of(g.word).byteLength, {
      cmd,
      arg1: { mfn: arg1 },
      arg2: { src_mfn: arg2 },
    });
  }
  return yield* g.hypercall(__HYPERVISOR_mmuext_op, g.scratch, requests.length, pdone, foreigndom);
}

export function* operation(
  g: NativeGuest,
  cmd: number,
  arg1 = 0,
  arg2 = 0,
  foreigndom = DOMID_SELF,
): NativeCode<number> {
  return yield* operations(g, [[cmd, arg1, arg2]], 0, foreigndom);
}

/** update_va_mapping, of another domain's pages if `domid` is given. */
export function* mapAt(
  g: NativeGuest,
  address: number,
  value: bigint,
  flags = UVMF_INVLPG,
  domid = -1,
): NativeCode<number> {
  const halves = g.word === 32 ? [Number(value & 0xffff_ffffn), Number(value >> 32n)] : [value];
  return domid === -1
    ? yield* g.hypercall(__HYPERVISOR_update_va_mapping, address, ...halves, flags)
    : yield* g.hypercall(
        __HYPERVISOR_update_va_mapping_otherdomain,
        address,
        ...halves,
        flags,
        domid,
      );
}

/** Leaves `page` with one read-only mapping, as page tables must be mapped. */
export function* protect(g: NativeGuest, m: PvMemory, page: number): NativeCode<number> {
  return yield* mapAt(g, page * 4096, entry(mfnOf(m, page), READ_ONLY));
}

/** Fills a page with entries by slot and takes the right to write it away. */
export function* prepare(
  g: NativeGuest,
  m: PvMemory,
  page: number,
  entries: Readonly<Record<number, bigint>> = {},
): NativeCode<number> {
  g.write(page * 4096, new Uint8Array(4096));
  for (const [slot, value] of Object.entries(entries)) {
    g.write64(page * 4096 + Number(slot) * 8, value);
  }
  return yield* protect(g, m, page);
}

/** Pins the frame of a page as a page table of `level`. */
export function* pin(g: NativeGuest, m: PvMemory, page: number, level: number): NativeCode<number> {
  return yield* operation(g, MMUEXT_PIN_L1_TABLE + level - 1, mfnOf(m, page));
}

export function* unpin(g: NativeGuest, m: PvMemory, page: number): NativeCode<number> {
  return yield* operation(g, MMUEXT_UNPIN_TABLE, mfnOf(m, page));
}

/** An entry of a page table, as the guest reads it through its mapping of the table. */
export function entryIn(g: NativeGuest, page: number, slot: number): bigint {
  return new DataView(g.read(page * 4096 + slot * 8, 8).buffer).getBigUint64(0, true);
}
