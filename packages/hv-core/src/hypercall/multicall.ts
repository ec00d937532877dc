// multicall: several hypercalls in one. Each entry is read, performed and gets its result before the next is read. xen.h.
import { __HYPERVISOR_multicall, multicall_entry, XEN_EFAULT, XEN_EINVAL } from '@proxeny/abi';
import { RESTART } from './continuation.js';
import type { HypercallFrame } from './frame.js';
import type { Decoded, Hypercall } from './hypercall.js';

/** Reads the entry at `address` into the inner frame; false if it can't be read or its result can't be written. */
function readEntry(call: HypercallFrame, inner: HypercallFrame, address: number): boolean {
  const { byteLength, fields } = multicall_entry.of(call.word);
  const { access } = call.vcpu;
  if (!access.copyFrom(address, call.bytes.subarray(0, byteLength))) return false;
  if (!access.isAccessible(address, byteLength, true)) return false;
  inner.begin(fields.op.getHigh(call.view) === 0 ? fields.op.getLow(call.view) : 0xffff_ffff);
  for (let i = 0; i < 6; i++) {
    inner.low[i] = fields.args.element.getLow(call.view, i * fields.args.stride);
    inner.high[i] = fields.args.element.getHigh(call.view, i * fields.args.stride);
  }
  return true;
}

function writeResult(call: HypercallFrame, address: number, result: number): boolean {
  const { fields } = multicall_entry.of(call.word);
  fields.result.set(call.view, 0, result);
  const { offset, byteLength } = fields.result;
  return call.vcpu.access.copyTo(
    address + offset,
    call.bytes.subarray(offset, offset + byteLength),
  );
}

/** Stores the inner call's progress where it will be read again. */
function writeArguments(call: HypercallFrame, inner: HypercallFrame, address: number): boolean {
  const { fields } = multicall_entry.of(call.word);
  for (let i = 0; i < 6; i++) {
    const { element, stride } = fields.args;
    element.setHalves(call.view, i * stride, inner.low[i] as number, inner.high[i] as number);
  }
  const { offset, byteLength } = fields.args;
  return call.vcpu.access.copyTo(
    address + offset,
    call.bytes.subarray(offset, offset + byteLength),
  );
}

function decode(call: HypercallFrame): Decoded {
  const inner = call.vcpu.innerFrame;
  if (call === inner) return -XEN_EINVAL; // a multicall in a multicall
  const { byteLength } = multicall_entry.of(call.word);
  const list = call.pointer(0);
  const count = call.uint(1);
  return () => {
    for (let i = 0; i < count; i++) {
      const address = list + i * byteLength;
      const goOnLater = (): number => {
        call.setArgument(0, address);
        call.setArgument(1, count - i);
        return call.restart();
      };
      if (i > 0 && call.workLeft <= 0) return goOnLater();
      if (!readEntry(call, inner, address)) return -XEN_EFAULT;
      const result = call.hypervisor.perform(inner);
      call.spend(64 + Math.max(0, inner.workSpent));
      if (result === RESTART) {
        return writeArguments(call, inner, address) ? goOnLater() : -XEN_EFAULT;
      }
      if (!writeResult(call, address, result)) return -XEN_EFAULT;
    }
    return 0;
  };
}

export const multicall: Hypercall = {
  number: __HYPERVISOR_multicall,
  name: 'multicall',
  arguments: 2,
  decode,
};
