// memory_op: add_to_physmap_batch: many pages at once, each with an errno of its own. memory.h.
import {
  MEMOP_EXTENT_SHIFT,
  XEN_EACCES,
  XEN_EDOM,
  XEN_EFAULT,
  XEN_EILSEQ,
  XEN_EINVAL,
  XEN_EOPNOTSUPP,
  XEN_EPERM,
  XEN_ESRCH,
  XENMAPSPACE_dev_mmio,
  XENMAPSPACE_gmfn_foreign,
  XENMAPSPACE_gmfn_range,
  XENMEM_add_to_physmap_batch,
  xen_add_to_physmap_batch,
} from '@proxeny/abi';
import type { Domain } from '../domain.js';
import { findTarget } from '../privilege.js';
import type { HypercallFrame } from './frame.js';
import type { Decoded } from './hypercall.js';
import { planPage } from './physmap.js';

const MAX_SIZE = 0xffff;
/** What a page costs, in page-table entries. */
const PAGE_WORK = 16;
const ERRNO_BYTES = 4;

/** The arrays of a batch, in the guest's memory. */
class Batch {
  readonly #call: HypercallFrame;
  readonly #indices: number;
  readonly #gfns: number;
  readonly #errors: number;
  readonly #width: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(call: HypercallFrame) {
    const { fields } = xen_add_to_physmap_batch.of(call.word);
    this.#call = call;
    this.#indices = call.recordPointer(fields.idxs);
    this.#gfns = call.recordPointer(fields.gpfns);
    this.#errors = call.recordPointer(fields.errs);
    this.#width = call.word / 8;
    this.#bytes = new Uint8Array(this.#width);
    this.#view = new DataView(this.#bytes.buffer);
  }

  isAccessible(start: number, size: number): boolean {
    const { access } = this.#call.vcpu;
    const count = size - start;
    const width = this.#width;
    return (
      access.isAccessible(this.#indices + start * width, count * width, false) &&
      access.isAccessible(this.#gfns + start * width, count * width, false) &&
      access.isAccessible(this.#errors + start * ERRNO_BYTES, count * ERRNO_BYTES, true)
    );
  }

  #read(list: number, at: number): number {
    if (!this.#call.vcpu.access.copyFrom(list + at * this.#width, this.#bytes)) return -1;
    const high = this.#width === 8 ? this.#view.getUint32(4, true) : 0;
    return high * 2 ** 32 + this.#view.getUint32(0, true);
  }

  index(at: number): number {
    return this.#read(this.#indices, at);
  }

  gfn(at: number): number {
    return this.#read(this.#gfns, at);
  }

  writeError(at: number, status: number): boolean {
    const bytes = new Uint8Array(new Int32Array([status]).buffer);
    return this.#call.vcpu.access.copyTo(this.#errors + at * ERRNO_BYTES, bytes);
  }
}

/** Another domain's frame is not to be had without a right to that domain. */
function foreignStatus(call: HypercallFrame, target: Domain): number {
  const { u } = xen_add_to_physmap_batch.of(call.word).fields;
  const foreign = call.hypervisor.domain(u.fields.foreign_domid.get(call.view));
  if (!foreign) return -XEN_ESRCH;
  return foreign === target ? -XEN_EINVAL : -XEN_EPERM;
}

/** `start` pages are done already. */
export function addToPhysmapBatch(call: HypercallFrame, start: number): Decoded {
  const { fields } = xen_add_to_physmap_batch.of(call.word);
  if (start > MAX_SIZE) return -XEN_EDOM;
  const space = fields.space.get(call.view);
  if (space === XENMAPSPACE_gmfn_range) return -XEN_EOPNOTSUPP;
  const target = findTarget(call.domain, fields.domid.get(call.view));
  if (typeof target === 'number') return target;
  if (!target.p2m || space === XENMAPSPACE_dev_mmio) return -XEN_EACCES;
  const size = fields.size.get(call.view);
  if (size <= start) return size === start && start === 0 ? 0 : -XEN_EILSEQ;
  const batch = new Batch(call);
  if (!batch.isAccessible(start, size)) return -XEN_EFAULT;
  const foreign = space === XENMAPSPACE_gmfn_foreign ? foreignStatus(call, target) : 0;
  return () => {
    for (let done = start; done < size; done++) {
      if (done > start && call.spend(PAGE_WORK)) {
        call.setArgument(0, XENMEM_add_to_physmap_batch + done * 2 ** MEMOP_EXTENT_SHIFT);
        return call.restart();
      }
      const planned =
        foreign !== 0 ? foreign : planPage(call, target, space, batch.index(done), batch.gfn(done));
      const status = typeof planned === 'number' ? planned : planned();
      if (!batch.writeError(done, status)) return -XEN_EFAULT;
    }
    return 0;
  };
}
