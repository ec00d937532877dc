// A guest's descriptor tables as its CPU sees them: the GDT's frames, the hypervisor's entries behind them, and the LDT, whose frames
// are found in the guest's page tables when they are first used and held from then on, until it is replaced or unmapped.
import { type Maddr, type Mfn, PAGE_SIZE } from '@proxeny/memory';
import { PageType } from '../frame/frame-table.js';
import type { Vcpu } from '../vcpu.js';
import type { PvState } from './pv-state.js';
import { DESCRIPTOR_BYTES } from './segment-descriptor.js';

const TABLE_INDICATOR = 4;

/** Where the descriptor of `selector` is, or -1. */
export function descriptorAt(vcpu: Vcpu, pv: PvState, selector: number): Maddr | -1 {
  const offset = selector & 0xfff8;
  if ((selector & TABLE_INDICATOR) !== 0) return ldtEntryAt(vcpu, pv, offset);
  const page = offset >>> 12;
  if (page >= pv.gdtFrames.length)
    return vcpu.domain.hypervisor.descriptors.at(offset, vcpu.domain.word);
  return ((pv.gdtFrames[page] as Mfn) * PAGE_SIZE + (offset & 0xfff)) as Maddr;
}

function ldtEntryAt(vcpu: Vcpu, pv: PvState, offset: number): Maddr | -1 {
  if (offset >= vcpu.ldtEntries * DESCRIPTOR_BYTES) return -1;
  const page = Math.floor(offset / PAGE_SIZE);
  let mfn = pv.ldtFrames[page] ?? -1;
  if (mfn === -1) {
    const { types } = vcpu.domain.hypervisor;
    const at = vcpu.access.space.translate(vcpu.ldtAddress + page * PAGE_SIZE, false);
    if (at < 0) return -1;
    const found = Math.floor(at / PAGE_SIZE);
    const status = types.getPageAndType(found, vcpu.domain.id, PageType.segmentDescriptors);
    if (status !== 0) return -1;
    mfn = found as Mfn;
    pv.ldtFrames[page] = mfn;
  }
  return (mfn * PAGE_SIZE + (offset % PAGE_SIZE)) as Maddr;
}
