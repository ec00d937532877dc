// set_trap_table: fills a vCPU's virtual IDT from an array that an address of 0 ends; without an array, empties it. xen.h.
import {
  __HYPERVISOR_set_trap_table,
  trap_info,
  XEN_EFAULT,
  XEN_EINVAL,
  XEN_ENOSYS,
} from '@proxeny/abi';
import { isCanonical } from '../trap/canonical.js';
import { fixSelector } from '../trap/selector.js';
import type { HypercallFrame } from './frame.js';
import type { Decoded, Hypercall } from './hypercall.js';

/** Entries taken at a time; a longer array goes on in the next round. */
const CHUNK_ENTRIES = 512;

/** Reads and checks entries from `address` on: how many there are before the end or the limit, or an errno. */
function readEntries(call: HypercallFrame, address: number, into: Uint8Array): number {
  const { byteLength, fields } = trap_info.of(call.word);
  const view = new DataView(into.buffer);
  for (let i = 0; i < CHUNK_ENTRIES; i++) {
    const at = i * byteLength;
    const entry = into.subarray(at, at + byteLength);
    if (!call.vcpu.access.copyFrom(address + at, entry)) return -XEN_EFAULT;
    const high = fields.address.getHigh(view, at);
    if (fields.address.getLow(view, at) === 0 && high === 0) return i;
    if (call.word === 64 && !isCanonical(high)) return -XEN_EINVAL;
  }
  return CHUNK_ENTRIES;
}

function decode(call: HypercallFrame): Decoded {
  const table = call.vcpu.pv?.traps;
  if (!table) return -XEN_ENOSYS;
  const address = call.pointer(0);
  if (address === 0) {
    return () => {
      table.clear();
      return 0;
    };
  }
  const { byteLength, fields } = trap_info.of(call.word);
  const bytes = new Uint8Array(CHUNK_ENTRIES * byteLength);
  const count = readEntries(call, address, bytes);
  if (count < 0) return count;
  const view = new DataView(bytes.buffer);
  return () => {
    for (let at = 0; at < count * byteLength; at += byteLength) {
      table.set(
        fields.vector.get(view, at),
        fields.flags.get(view, at),
        fixSelector(fields.cs.get(view, at), call.word),
        fields.address.getLow(view, at),
        fields.address.getHigh(view, at),
      );
    }
    if (count < CHUNK_ENTRIES) return 0;
    call.setArgument(0, address + count * byteLength);
    return call.restart();
  };
}

export const setTrapTable: Hypercall = {
  number: __HYPERVISOR_set_trap_table,
  name: 'set_trap_table',
  arguments: 1,
  decode,
};
