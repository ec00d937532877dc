// mmuext_op: pins, page-table bases, TLB and cache flushes, the LDT, pages cleared and copied. xen.h.
import {
  __HYPERVISOR_mmuext_op,
  MMUEXT_CLEAR_PAGE,
  MMUEXT_COPY_PAGE,
  MMUEXT_FLUSH_CACHE,
  MMUEXT_FLUSH_CACHE_GLOBAL,
  MMUEXT_INVLPG_ALL,
  MMUEXT_INVLPG_LOCAL,
  MMUEXT_INVLPG_MULTI,
  MMUEXT_MARK_SUPER,
  MMUEXT_NEW_BASEPTR,
  MMUEXT_NEW_USER_BASEPTR,
  MMUEXT_PIN_L1_TABLE,
  MMUEXT_PIN_L2_TABLE,
  MMUEXT_PIN_L3_TABLE,
  MMUEXT_PIN_L4_TABLE,
  MMUEXT_SET_LDT,
  MMUEXT_TLB_FLUSH_ALL,
  MMUEXT_TLB_FLUSH_LOCAL,
  MMUEXT_TLB_FLUSH_MULTI,
  MMUEXT_UNMARK_SUPER,
  MMUEXT_UNPIN_TABLE,
  mmuext_op,
  XEN_EACCES,
  XEN_EINVAL,
  XEN_ENOSYS,
  XEN_EOPNOTSUPP,
} from '@proxeny/abi';
import { type Mfn, PAGE_SIZE } from '@proxeny/memory';
import { FRAME_PINNED, PageType } from '../frame/frame-table.js';
import { isGuestAddress } from '../frame/page-walk.js';
import { pinTable } from '../frame/pin.js';
import { flushTranslations } from './flush.js';
import type { HypercallFrame } from './frame.js';
import type { Hypercall } from './hypercall.js';
import { checkPageOwner } from './page-table-owner.js';
import { decodeRequests } from './request-list.js';

const MAX_LDT_ENTRIES = 8192;

function mfnOf(call: HypercallFrame): number {
  return mmuext_op.of(call.word).fields.arg1.fields.mfn.get(call.view);
}

function pin(call: HypercallFrame, type: PageType): number {
  if (type === PageType.l4 && call.word === 32) return 0; // there is no such level: nothing to do
  return pinTable(call.hypervisor.types, mfnOf(call), call.domain.id, type);
}

function unpin(call: HypercallFrame): number {
  const { frames, types } = call.hypervisor;
  const mfn = mfnOf(call);
  if (!frames.isOwnedBy(mfn, call.domain.id)) return -XEN_EINVAL;
  const flags = frames.flags[mfn] as number;
  if ((flags & FRAME_PINNED) === 0) return -XEN_EINVAL;
  frames.flags[mfn] = flags & ~FRAME_PINNED;
  types.putPageAndType(mfn);
  return 0;
}

/** User mode's page tables of a 64-bit guest; frame 0 means none. */
function setUserBase(call: HypercallFrame): number {
  const { hypervisor, vcpu, domain } = call;
  if (call.word === 32) return -XEN_EINVAL;
  const mfn = mfnOf(call) as Mfn;
  if (mfn === vcpu.userRoot) return 0;
  if (mfn !== 0) {
    const status = hypervisor.types.getPageAndType(mfn, domain.id, PageType.l4);
    if (status !== 0) return status;
  }
  const old = vcpu.setUserRoot(mfn === 0 ? -1 : mfn);
  if (old !== -1) hypervisor.types.putPageAndType(old);
  if (vcpu.trapCpu?.forgetUserTables) vcpu.trapCpu.forgetUserTables();
  else hypervisor.onTlbFlush?.(domain, vcpu);
  return 0;
}

/** The page an INVLPG is about. */
const addressOf = (call: HypercallFrame): number =>
  call.recordPointer(mmuext_op.of(call.word).fields.arg1.fields.linear_addr);

function flush(call: HypercallFrame, isAll: boolean, address?: number): number {
  flushTranslations(call, isAll, address);
  return 0;
}

/** Flushing more vCPUs than the bitmap names is no harm; a bitmap that cannot be read is an error. */
function flushMulti(call: HypercallFrame, address?: number): number {
  const mask = call.recordPointer(mmuext_op.of(call.word).fields.arg2.fields.vcpumask);
  const length = Math.ceil(call.domain.vcpus.length / 8);
  if (!call.vcpu.access.isAccessible(mask, length, false)) return -XEN_EINVAL;
  return flush(call, true, address);
}

function setLdt(call: HypercallFrame): number {
  const { arg1, arg2 } = mmuext_op.of(call.word).fields;
  const { vcpu } = call;
  const entries = arg2.fields.nr_ents.get(call.view);
  const address = entries === 0 ? 0 : call.recordPointer(arg1.fields.linear_addr);
  const isUsable = address % PAGE_SIZE === 0 && isGuestAddress(address, call.word);
  if (!isUsable || entries > MAX_LDT_ENTRIES) return -XEN_EINVAL;
  if (vcpu.ldtAddress === address && vcpu.ldtEntries === entries) return 0;
  vcpu.pv?.dropLdt(call.hypervisor.types);
  vcpu.ldtAddress = address;
  vcpu.ldtEntries = entries;
  return 0;
}

function clearPage(call: HypercallFrame): number {
  const { types, memory } = call.hypervisor;
  const mfn = mfnOf(call) as Mfn;
  const status = types.getPageAndType(mfn, call.domain.id, PageType.writable);
  if (status !== 0) return status;
  memory.clear(mfn);
  types.putPageAndType(mfn);
  return 0;
}

function copyPage(call: HypercallFrame): number {
  const { frames, types, memory } = call.hypervisor;
  const mfn = mfnOf(call) as Mfn;
  const source = mmuext_op.of(call.word).fields.arg2.fields.src_mfn.get(call.view) as Mfn;
  if (!frames.getPage(source, call.domain.id)) return -XEN_EINVAL;
  const status = types.getPageAndType(mfn, call.domain.id, PageType.writable);
  if (status === 0) {
    memory.frame(mfn).set(memory.frame(source));
    memory.onWrite?.(mfn);
    types.putPageAndType(mfn);
  }
  frames.putPage(source);
  return status;
}

function performOperation(call: HypercallFrame): number {
  switch (mmuext_op.of(call.word).fields.cmd.get(call.view)) {
    case MMUEXT_PIN_L1_TABLE:
      return pin(call, PageType.l1);
    case MMUEXT_PIN_L2_TABLE:
      return pin(call, PageType.l2);
    case MMUEXT_PIN_L3_TABLE:
      return pin(call, PageType.l3);
    case MMUEXT_PIN_L4_TABLE:
      return pin(call, PageType.l4);
    case MMUEXT_UNPIN_TABLE:
      return unpin(call);
    case MMUEXT_NEW_BASEPTR:
      return call.vcpu.setRoot(mfnOf(call) as Mfn);
    case MMUEXT_NEW_USER_BASEPTR:
      return setUserBase(call);
    case MMUEXT_TLB_FLUSH_LOCAL:
      return flush(call, false);
    case MMUEXT_INVLPG_LOCAL:
      return flush(call, false, addressOf(call));
    case MMUEXT_TLB_FLUSH_MULTI:
      return flushMulti(call);
    case MMUEXT_INVLPG_MULTI:
      return flushMulti(call, addressOf(call));
    case MMUEXT_TLB_FLUSH_ALL:
      return flush(call, true);
    case MMUEXT_INVLPG_ALL:
      return flush(call, true, addressOf(call));
    // A domain without devices has no say in caches.
    case MMUEXT_FLUSH_CACHE:
      return -XEN_EACCES;
    case MMUEXT_FLUSH_CACHE_GLOBAL:
      return -XEN_EINVAL;
    case MMUEXT_SET_LDT:
      return setLdt(call);
    case MMUEXT_CLEAR_PAGE:
      return clearPage(call);
    case MMUEXT_COPY_PAGE:
      return copyPage(call);
    case MMUEXT_MARK_SUPER:
    case MMUEXT_UNMARK_SUPER:
      return -XEN_EOPNOTSUPP;
    default:
      return -XEN_ENOSYS;
  }
}

export const mmuextOp: Hypercall = {
  number: __HYPERVISOR_mmuext_op,
  name: 'mmuext_op',
  arguments: 4,
  decode: (call) => {
    const owner = checkPageOwner(call, call.uint(3) & 0xffff);
    if (owner !== 0) return owner;
    if (call.domain.p2m) return -XEN_EINVAL;
    return decodeRequests(call, mmuext_op.of(call.word).byteLength, performOperation);
  },
};
