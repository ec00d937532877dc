// memory_op: exchange: gives extents of frames and gets as much memory in extents of another order. memory.h. Done chunk by chunk, where
// a chunk is the larger of the two extents; `nr_exchanged` tells how far. Page-table guests get single frames only: there is no way
// to find several in a row.
import {
  DOMID_SELF,
  XEN_EFAULT,
  XEN_EINVAL,
  XEN_ENOMEM,
  XEN_EPERM,
  xen_memory_exchange,
} from '@proxeny/abi';
import type { Gfn, Mfn } from '@proxeny/memory';
import type { Domain } from '../domain.js';
import { FRAME_ALLOCATED, FRAME_SHARED } from '../frame/frame-table.js';
import { P2mKind } from '../frame/p2m.js';
import { findTarget } from '../privilege.js';
import type { HypercallFrame } from './frame.js';
import type { Decoded } from './hypercall.js';
import { ExtentList, removeFrame } from './reservation.js';

const MAX_ORDER = 9;
const MAX_EXTENTS = 0x3ff_ffff;
/** What a frame costs, in page-table entries. */
const FRAME_WORK = 16;

/** Whether nothing but its allocation (and its place in a P2M) refers to a frame. */
function mayGive(domain: Domain, gfn: number): boolean {
  const { frames } = domain.hypervisor;
  const mfn = domain.findOwnFrame(gfn);
  if (mfn === -1) return false;
  const flags = (frames.flags[mfn] as number) & (FRAME_ALLOCATED | FRAME_SHARED);
  return flags === FRAME_ALLOCATED && frames.references[mfn] === (domain.p2m ? 2 : 1);
}

/** One chunk: reads and checks all of it, allocates, then gives and puts. */
class Exchange {
  readonly #domain: Domain;
  readonly #in: ExtentList;
  readonly #out: ExtentList;
  readonly #inSize: number;
  readonly #outSize: number;

  constructor(
    domain: Domain,
    input: ExtentList,
    output: ExtentList,
    inSize: number,
    outSize: number,
  ) {
    this.#domain = domain;
    this.#in = input;
    this.#out = output;
    this.#inSize = inSize;
    this.#outSize = outSize;
  }

  /** Frames of a chunk. */
  get size(): number {
    return Math.max(this.#inSize, this.#outSize);
  }

  perform(chunk: number): number {
    const given: number[] = [];
    const inCount = this.size / this.#inSize;
    for (let i = 0; i < inCount; i++) {
      const first = this.#in.read(chunk * inCount + i);
      if (first < 0) return -XEN_EFAULT;
      for (let k = 0; k < this.#inSize; k++) given.push(first + k);
    }
    const isDistinct = new Set(given).size === given.length;
    if (!isDistinct || !given.every((gfn) => mayGive(this.#domain, gfn))) return -XEN_EINVAL;
    const places: number[] = [];
    const outCount = this.size / this.#outSize;
    for (let i = 0; i < outCount; i++) {
      const at = chunk * outCount + i;
      const gfn = this.#out.read(at);
      if (gfn < 0 || (!this.#domain.p2m && !this.#out.isWritable(at))) return -XEN_EFAULT;
      places.push(gfn);
    }
    if (!this.#hasRoom(places, given)) return -XEN_EINVAL;
    if (this.#outSize > 1 && !this.#domain.p2m) return -XEN_ENOMEM;
    return this.#commit(chunk * outCount, given, places);
  }

  /** Of a translated guest: whether there is nothing where the new memory goes, or what is there is given. */
  #hasRoom(places: readonly number[], given: readonly number[]): boolean {
    const { p2m } = this.#domain;
    if (!p2m) return true;
    const leaving = new Set(given);
    const wanted = places.flatMap((gfn) =>
      Array.from({ length: this.#outSize }, (_, k) => gfn + k),
    );
    const isFree = (gfn: number): boolean =>
      gfn < p2m.frameLimit && (p2m.kindOf(gfn) === P2mKind.none || leaving.has(gfn));
    return new Set(wanted).size === wanted.length && wanted.every(isFree);
  }

  #commit(firstOut: number, given: readonly number[], places: readonly number[]): number {
    const { frames, m2p } = this.#domain.hypervisor;
    const { p2m, id } = this.#domain;
    const taken: Mfn[] = [];
    while (taken.length < this.size) {
      const mfn = frames.allocate(id);
      if (mfn === -1) break;
      taken.push(mfn);
    }
    if (taken.length < this.size) {
      for (const mfn of taken) frames.putAllocation(mfn);
      return -XEN_ENOMEM;
    }
    for (const gfn of given) removeFrame(this.#domain, gfn);
    for (const [i, mfn] of taken.entries()) {
      const place = Math.floor(i / this.#outSize);
      const gfn = (places[place] as number) + (i % this.#outSize);
      m2p.set(mfn, gfn);
      if (p2m) {
        frames.getAgain(mfn);
        p2m.set(gfn as Gfn, mfn, P2mKind.ram);
      } else this.#out.write(firstOut + place, mfn);
    }
    return 0;
  }
}

export function decodeExchange(call: HypercallFrame): Decoded {
  const { fields } = xen_memory_exchange.of(call.word);
  const { in: input, out: output, nr_exchanged } = fields;
  const inOrder = input.fields.extent_order.get(call.view);
  const outOrder = output.fields.extent_order.get(call.view);
  if (Math.max(inOrder, outOrder) > MAX_ORDER) return -XEN_EPERM;
  const inCount = input.fields.nr_extents.get(call.view);
  const outCount = output.fields.nr_extents.get(call.view);
  const before = nr_exchanged.get(call.view);
  const named = input.fields.domid.get(call.view);
  const isSane =
    before <= inCount &&
    Math.max(inCount, outCount) <= MAX_EXTENTS &&
    named === output.fields.domid.get(call.view) &&
    inCount * 2 ** inOrder === outCount * 2 ** outOrder;
  if (!isSane) return -XEN_EINVAL;
  if (before === inCount) return 0;
  const target = named === DOMID_SELF ? call.domain : findTarget(call.domain, named);
  if (typeof target === 'number') return target;
  const exchange = new Exchange(
    target,
    new ExtentList(call, call.recordPointer(input.fields.extent_start)),
    new ExtentList(call, call.recordPointer(output.fields.extent_start)),
    2 ** inOrder,
    2 ** outOrder,
  );
  const inPerChunk = exchange.size / 2 ** inOrder;
  return () => {
    const first = Math.floor(before / inPerChunk);
    for (let chunk = first; chunk < Math.floor(inCount / inPerChunk); chunk++) {
      nr_exchanged.set(call.view, 0, chunk * inPerChunk);
      // Progress is kept in the record, which is written back by whoever called this.
      if (chunk > first && call.workLeft <= 0) return call.restart();
      const status = exchange.perform(chunk);
      if (status !== 0) return status;
      call.spend(exchange.size * FRAME_WORK);
    }
    nr_exchanged.set(call.view, 0, inCount);
    return 0;
  };
}
