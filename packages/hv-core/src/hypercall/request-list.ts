// RequestList: what mmu_update and mmuext_op have in common: a list of requests done one by one, a count of those done, and progress
// kept in the arguments (list, count, where to write the count done, foreigndom).
import { MMU_UPDATE_PREEMPTED, XEN_EFAULT } from '@proxeny/abi';
import { RESTART } from './continuation.js';
import type { HypercallFrame } from './frame.js';
import type { Decoded } from './hypercall.js';

const counter = new Uint8Array(4);
const counterView = new DataView(counter.buffer);

/** The count of done requests that stands at `pdone`; 0: nowhere. */
function readDone(call: HypercallFrame, pdone: number): number {
  if (pdone === 0) return 0;
  return call.vcpu.access.copyFrom(pdone, counter) ? counterView.getUint32(0, true) : 0;
}

function writeDone(call: HypercallFrame, pdone: number, done: number): void {
  if (pdone === 0) return;
  counterView.setUint32(0, done, true);
  call.vcpu.access.copyTo(pdone, counter); // a place that cannot be written is the guest's loss, as in Xen
}

/**
 * Performs `perform` for each request of `byteLength` bytes, which it finds at the start of `call.view`. Whose they are was checked.
 * Page tables that a request let go are taken apart before the next one, and before the end: their mappings are gone when the guest
 * hears that they are.
 */
export function decodeRequests(
  call: HypercallFrame,
  byteLength: number,
  perform: (call: HypercallFrame) => number,
): Decoded {
  const { types } = call.hypervisor;
  const list = call.pointer(0);
  const isContinued = call.uint(1) >= MMU_UPDATE_PREEMPTED;
  const count = call.uint(1) % MMU_UPDATE_PREEMPTED;
  const pdone = call.pointer(2);
  return () => {
    const before = isContinued ? readDone(call, pdone) : 0;
    let status = 0;
    let done = 0;
    for (;;) {
      if (types.pendingDevalidations > 0 && !types.drain()) {
        status = RESTART;
        break;
      }
      if (done === count) break;
      if (done > 0 && call.spend(1)) status = RESTART;
      else if (!call.vcpu.access.copyFrom(list + done * byteLength, call.bytes, byteLength))
        status = -XEN_EFAULT;
      else status = perform(call);
      if (status !== 0) break;
      done++;
    }
    if (status === RESTART) {
      call.setArgument(0, list + done * byteLength);
      call.setArgument(1, MMU_UPDATE_PREEMPTED + count - done);
    }
    writeDone(call, pdone, before + done);
    return status;
  };
}
