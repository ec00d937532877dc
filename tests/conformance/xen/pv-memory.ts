// Memory of a page-table guest for tests: frames in a row from linear address 0 on, mapped by one L1 in which page tables are read
// only; shared_info behind them at the page where translated guests of these tests have it too.
import type { Domain } from '@proxeny/hv-core';

/** Pages of the page tables: an L1, an L2, an L3, and an L4 or (32-bit) the L2 of the last gigabyte. */
export const L1_PAGE = 8;
export const L2_PAGE = 9;
export const L3_PAGE = 10;
export const L4_PAGE = 11;
const TABLE_PAGES: readonly number[] = [L1_PAGE, L2_PAGE, L3_PAGE, L4_PAGE];
/** Where the guest sees its shared_info. */
const SHARED_INFO_PAGE = 16;

export const PTE_P = 0x1;
export const PTE_RW = 0x2;
export const PTE_US = 0x4;
export const PTE_AD = 0x60;
/** A page of data, to read and write. */
export const DATA: number = PTE_P | PTE_RW | PTE_US | PTE_AD;
/** The same, to read. */
export const READ_ONLY: number = PTE_P | PTE_US | PTE_AD;

export interface PvMemory {
  /** The machine frame of each of the guest's pages. */
  readonly mfns: readonly number[];
  /** CR3: page L4_PAGE, or L3_PAGE of a PAE guest. */
  readonly root: number;
  readonly sharedInfoMfn: number;
  /** A frame of another domain, and one of nobody. */
  strangerMfn: number;
  freeMfn: number;
  /** What the M2P says of a frame. */
  m2p(mfn: number): number;
}

/** An entry for machine frame `mfn`. */
export function entry(mfn: number, flags: number = DATA): bigint {
  return (BigInt(mfn) << 12n) | BigInt(flags);
}

/** Gives a new domain `count` frames and starts its vCPUs' address spaces. */
export function buildPvMemory(domain: Domain, count: number): PvMemory {
  const { memory, m2p } = domain.hypervisor;
  const mfns: number[] = domain.allocateFrames(count);
  if (mfns.length < count) throw new Error(`no ${count} frames for domain ${domain.id}`);
  const put = (page: number, slot: number, value: bigint): void => {
    memory.view.setBigUint64((mfns[page] as number) * 4096 + slot * 8, value, true);
  };
  const mfn = (page: number): number => mfns[page] as number;
  for (let page = 0; page < count; page++) {
    m2p.set(mfn(page), page);
    if (page === SHARED_INFO_PAGE) continue;
    put(L1_PAGE, page, entry(mfn(page), TABLE_PAGES.includes(page) ? READ_ONLY : DATA));
  }
  put(L1_PAGE, SHARED_INFO_PAGE, entry(domain.sharedInfoFrame));
  put(L2_PAGE, 0, entry(mfn(L1_PAGE)));
  if (domain.word === 64) {
    put(L3_PAGE, 0, entry(mfn(L2_PAGE)));
    put(L4_PAGE, 0, entry(mfn(L3_PAGE)));
  } else {
    put(L3_PAGE, 0, entry(mfn(L2_PAGE), PTE_P));
    put(L3_PAGE, 3, entry(mfn(L4_PAGE), PTE_P));
  }
  const root = mfn(domain.word === 64 ? L4_PAGE : L3_PAGE);
  for (const vcpu of domain.vcpus) {
    const status = vcpu.setRoot(root as never);
    if (status !== 0) throw new Error(`page tables of domain ${domain.id} are refused: ${status}`);
  }
  return {
    mfns,
    root,
    sharedInfoMfn: domain.sharedInfoFrame,
    strangerMfn: -1,
    freeMfn: memory.frameCount - 1,
    m2p: (frame) => m2p.get(frame),
  };
}
