// set_gdt and update_descriptor: a guest's segment descriptors. Frames of a GDT are held with a type reference that keeps them from
// being mapped writable; single descriptors change through update_descriptor. xen.h; the rules are in trap/segment-descriptor.ts.
import {
  __HYPERVISOR_set_gdt,
  __HYPERVISOR_update_descriptor,
  XEN_EFAULT,
  XEN_EINVAL,
  XEN_ENOSYS,
} from '@proxeny/abi';
import { type Mfn, PAGE_SIZE } from '@proxeny/memory';
import type { Domain } from '../domain.js';
import { PageType } from '../frame/frame-table.js';
import {
  CheckedDescriptor,
  DESCRIPTOR_BYTES,
  DESCRIPTORS_PER_FRAME,
  FIRST_RESERVED_ENTRY,
  mayHoldDescriptors,
} from '../trap/segment-descriptor.js';
import type { Vcpu } from '../vcpu.js';
import { RESTART } from './continuation.js';
import type { HypercallFrame } from './frame.js';
import type { Decoded, Hypercall } from './hypercall.js';

/** Whether a frame could become part of a GDT now: looked at before any is adapted, so that one that cannot changes none. */
function isUsable(domain: Domain, mfn: number): boolean {
  const { frames, types, memory } = domain.hypervisor;
  if (!frames.isOwnedBy(mfn, domain.id) || frames.references[mfn] === 0) return false;
  const type = types.typeOf(mfn);
  if (type === PageType.none) return mayHoldDescriptors(memory, mfn as Mfn, domain.word);
  return type === PageType.segmentDescriptors;
}

/** Makes `frames` a vCPU's GDT of `entries` descriptors: 0, -EINVAL or RESTART; on failure the old one stays. */
export function replaceGdt(vcpu: Vcpu, frames: readonly number[], entries: number): number {
  const { pv, domain } = vcpu;
  const { types } = domain.hypervisor;
  if (!pv || entries > FIRST_RESERVED_ENTRY) return -XEN_EINVAL;
  if (!frames.every((mfn) => isUsable(domain, mfn))) return -XEN_EINVAL;
  for (const [i, mfn] of frames.entries()) {
    const status = types.getPageAndType(mfn, domain.id, PageType.segmentDescriptors);
    if (status === 0) continue;
    for (const taken of frames.slice(0, i)) types.putPageAndType(taken);
    return status === RESTART ? status : -XEN_EINVAL;
  }
  pv.dropGdt(types);
  pv.gdtFrames.push(...(frames as Mfn[]));
  pv.gdtEntries = entries;
  domain.hypervisor.onTlbFlush?.(domain, vcpu);
  return 0;
}

function decodeSetGdt(call: HypercallFrame): Decoded {
  const { vcpu } = call;
  if (!vcpu.pv) return -XEN_ENOSYS;
  const entries = call.uint(1);
  if (entries > FIRST_RESERVED_ENTRY) return -XEN_EINVAL;
  const width = call.word / 8;
  const bytes = new Uint8Array(Math.ceil(entries / DESCRIPTORS_PER_FRAME) * width);
  if (!vcpu.access.copyFrom(call.pointer(0), bytes)) return -XEN_EFAULT;
  const view = new DataView(bytes.buffer);
  const frames: number[] = [];
  for (let at = 0; at < bytes.length; at += width) {
    const high = width === 8 ? view.getUint32(at + 4, true) : 0;
    frames.push(high * 2 ** 32 + view.getUint32(at, true));
  }
  return () => replaceGdt(vcpu, frames, entries);
}

export const setGdt: Hypercall = {
  number: __HYPERVISOR_set_gdt,
  name: 'set_gdt',
  arguments: 2,
  decode: decodeSetGdt,
};

const checked = new CheckedDescriptor();

/** Arguments: machine address and descriptor, of a 32-bit guest two registers each. */
function decodeUpdateDescriptor(call: HypercallFrame): Decoded {
  const isNarrow = call.word === 32;
  if (!call.vcpu.pv) return -XEN_ENOSYS;
  const address = isNarrow ? call.uint(1) * 2 ** 32 + call.uint(0) : call.ulong(0);
  const low = call.uint(isNarrow ? 2 : 1);
  const high = isNarrow ? call.uint(3) : (call.high[1] as number);
  if (address % DESCRIPTOR_BYTES !== 0) return -XEN_EINVAL;
  if (!checked.check(low, high, call.word)) return -XEN_EINVAL;
  const { low: newLow, high: newHigh } = checked;
  const { frames, types, memory } = call.hypervisor;
  const mfn = Math.floor(address / PAGE_SIZE) as Mfn;
  if (!frames.isOwnedBy(mfn, call.domain.id)) return -XEN_EINVAL;
  return () => {
    const type =
      types.typeOf(mfn) === PageType.segmentDescriptors
        ? PageType.segmentDescriptors
        : PageType.writable;
    const status = types.getPageAndType(mfn, call.domain.id, type);
    if (status !== 0) return status;
    memory.view.setUint32(address, newLow, true);
    memory.view.setUint32(address + 4, newHigh, true);
    memory.onWrite?.(mfn);
    types.putPageAndType(mfn);
    return 0;
  };
}

export const updateDescriptor: Hypercall = {
  number: __HYPERVISOR_update_descriptor,
  name: 'update_descriptor',
  arguments: 4,
  decode: decodeUpdateDescriptor,
};
