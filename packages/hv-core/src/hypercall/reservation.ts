// memory_op: increase, decrease and populate: a domain's memory grows and shrinks by extents of 2^order frames. memory.h.
// The result is how many extents are done, even if the reason for stopping was an error in the arguments: as Xen has it.
import {
  MEMOP_EXTENT_SHIFT,
  XENMEM_decrease_reservation,
  XENMEM_increase_reservation,
  xen_memory_reservation,
} from '@proxeny/abi';
import type { Gfn, Mfn } from '@proxeny/memory';
import type { Domain } from '../domain.js';
import { FRAME_PINNED, FRAME_SHARED } from '../frame/frame-table.js';
import { P2mKind } from '../frame/p2m.js';
import { findTarget } from '../privilege.js';
import type { HypercallFrame } from './frame.js';
import type { Decoded } from './hypercall.js';
import { copyRecordIn, shapeOf } from './record.js';

/** Above, the number of an extent does not fit the command. */
const MAX_EXTENTS = 0x3ff_ffff;
/** The largest extent an ordinary domain may ask for. */
const MAX_ORDER = 9;
/** What a frame costs, in page-table entries. */
const FRAME_WORK = 16;

/** The list of frames, one word of the guest each. */
export class ExtentList {
  readonly #call: HypercallFrame;
  readonly #address: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(call: HypercallFrame, address: number) {
    this.#call = call;
    this.#address = address;
    this.#bytes = new Uint8Array(call.word / 8);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** The guest does not want to know. */
  get isNull(): boolean {
    return this.#address === 0;
  }

  #at(index: number): number {
    return this.#address + index * this.#bytes.byteLength;
  }

  /** -1 if it can't be read. */
  read(index: number): number {
    if (!this.#call.vcpu.access.copyFrom(this.#at(index), this.#bytes)) return -1;
    const high = this.#bytes.byteLength === 8 ? this.#view.getUint32(4, true) : 0;
    return high * 2 ** 32 + this.#view.getUint32(0, true);
  }

  isWritable(index: number): boolean {
    return this.#call.vcpu.access.isAccessible(this.#at(index), this.#bytes.byteLength, true);
  }

  write(index: number, value: number): void {
    this.#bytes.fill(0);
    this.#view.setUint32(0, value, true);
    this.#call.vcpu.access.copyTo(this.#at(index), this.#bytes);
  }
}

/** Frames for one extent; none if there are too few. Page-table guests get machine frames in a row, so only single ones. */
function allocateExtent(domain: Domain, size: number): Mfn[] {
  if (size > 1 && !domain.p2m) return [];
  if (domain.frames.reserved + size > domain.limits.maxFrames) return [];
  if (domain.hypervisor.frames.freeCount < size) return [];
  return domain.allocateFrames(size);
}

function increase(domain: Domain, list: ExtentList, index: number, size: number): boolean {
  if (domain.p2m || !(list.isNull || list.isWritable(index))) return false;
  const [mfn] = allocateExtent(domain, size);
  if (mfn === undefined) return false;
  if (!list.isNull) list.write(index, mfn);
  return true;
}

function populate(domain: Domain, list: ExtentList, index: number, size: number): boolean {
  const { frames, m2p } = domain.hypervisor;
  const pfn = list.read(index);
  if (pfn < 0) return false;
  const { p2m } = domain;
  if (p2m) {
    if (pfn + size > p2m.frameLimit) return false;
    for (let i = 0; i < size; i++) if (p2m.kindOf(pfn + i) !== P2mKind.none) return false;
  } else if (!list.isWritable(index)) return false;
  const found = allocateExtent(domain, size);
  if (found.length === 0) return false;
  for (const [i, mfn] of found.entries()) {
    m2p.set(mfn, pfn + i);
    if (!p2m) continue;
    frames.getAgain(mfn);
    p2m.set((pfn + i) as Gfn, mfn, P2mKind.ram);
  }
  if (!p2m) list.write(index, found[0] as Mfn);
  return true;
}

/** Gives one frame back, as the guest numbers it. What still maps it keeps it alive. */
export function removeFrame(domain: Domain, gfn: number): boolean {
  const { frames, types, m2p } = domain.hypervisor;
  const mfn = domain.findOwnFrame(gfn);
  if (mfn === -1) return false;
  const flags = frames.flags[mfn] as number;
  if ((flags & FRAME_SHARED) !== 0) {
    // A page of the hypervisor's only goes out of sight.
    if (!domain.p2m) return false;
    domain.p2m.clear(gfn as Gfn);
    return true;
  }
  frames.getAgain(mfn);
  if ((flags & FRAME_PINNED) !== 0) {
    frames.flags[mfn] = flags & ~FRAME_PINNED;
    types.putPageAndType(mfn);
  }
  domain.p2m?.clear(gfn as Gfn);
  m2p.set(mfn, Number.POSITIVE_INFINITY);
  frames.putAllocation(mfn);
  frames.putPage(mfn);
  return true;
}

function decrease(domain: Domain, list: ExtentList, index: number, size: number): boolean {
  const first = list.read(index);
  if (first < 0) return false;
  for (let i = 0; i < size; i++) if (domain.findOwnFrame(first + i) === -1) return false;
  for (let i = 0; i < size; i++) if (!removeFrame(domain, first + i)) return false;
  return true;
}

export function decodeReservation(call: HypercallFrame, command: number, start: number): Decoded {
  const { fields } = xen_memory_reservation.of(call.word);
  const shape = shapeOf(xen_memory_reservation, call.word);
  if (!copyRecordIn(call, shape, call.pointer(1))) return start;
  const count = fields.nr_extents.get(call.view);
  const order = fields.extent_order.get(call.view);
  if (count > MAX_EXTENTS || start >= count || order > MAX_ORDER) return start;
  const target = findTarget(call.domain, fields.domid.get(call.view));
  if (typeof target === 'number') return start;
  const list = new ExtentList(call, call.recordPointer(fields.extent_start));
  let change = populate;
  if (command === XENMEM_increase_reservation) change = increase;
  if (command === XENMEM_decrease_reservation) change = decrease;
  const size = 2 ** order;
  return () => {
    for (let i = start; i < count; i++) {
      if (i > start && call.workLeft <= 0) {
        call.setArgument(0, command + i * 2 ** MEMOP_EXTENT_SHIFT);
        return call.restart();
      }
      if (!change(target, list, i, size)) return i;
      call.spend(size * FRAME_WORK);
    }
    return count;
  };
}
