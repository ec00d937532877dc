// Parts of a page-table guest's context that a kernel changes when it switches tasks: the kernel stack, segment bases, CR0.TS, debug
// registers. xen.h. Those that are about registers need an engine that has some: -ENOSYS otherwise.
import {
  __HYPERVISOR_fpu_taskswitch,
  __HYPERVISOR_get_debugreg,
  __HYPERVISOR_set_debugreg,
  __HYPERVISOR_set_segment_base,
  __HYPERVISOR_stack_switch,
  SEGBASE_FS,
  SEGBASE_GS_KERNEL,
  SEGBASE_GS_USER,
  SEGBASE_GS_USER_SEL,
  XEN_EINVAL,
  XEN_ENODEV,
  XEN_ENOSYS,
} from '@proxeny/abi';
import { isCanonical } from '../trap/canonical.js';
import { checkDebug, readDebug, setDebug } from '../trap/debug-register.js';
import { fixSelector } from '../trap/selector.js';
import { CpuRegister, CpuSegment } from '../trap/trap-cpu.js';
import type { Vcpu } from '../vcpu.js';
import type { HypercallFrame } from './frame.js';
import type { Decoded, Hypercall } from './hypercall.js';

export const stackSwitch: Hypercall = {
  number: __HYPERVISOR_stack_switch,
  name: 'stack_switch',
  arguments: 2,
  decode: (call) => {
    const { pv } = call.vcpu;
    if (!pv) return -XEN_ENOSYS;
    return () => {
      pv.kernelSs = fixSelector(call.uint(0) & 0xffff, call.word);
      pv.kernelSpLow = call.uint(1);
      pv.kernelSpHigh = call.high[1] as number;
      return 0;
    };
  },
};

/** Loads user mode's GS: selector and base; null if the selector is not to be had. */
function loadUserGs(vcpu: Vcpu, selector: number): void {
  const { pv, trapCpu: cpu } = vcpu;
  if (!pv || !cpu) return;
  const low = cpu.readLow(CpuRegister.gsBase);
  const high = cpu.readHigh(CpuRegister.gsBase);
  const isLoaded = selector > 3 && cpu.loadSegment(CpuSegment.gs, selector | 3);
  if (!isLoaded) cpu.loadSegment(CpuSegment.gs, selector > 3 ? 0 : selector);
  pv.inactiveGsLow = isLoaded ? cpu.readLow(CpuRegister.gsBase) : 0;
  pv.inactiveGsHigh = isLoaded ? cpu.readHigh(CpuRegister.gsBase) : 0;
  cpu.write(CpuRegister.gsBase, low, high);
}

function decodeSetSegmentBase(call: HypercallFrame): Decoded {
  const { pv, trapCpu: cpu } = call.vcpu;
  if (!pv || !cpu || call.word === 32) return -XEN_ENOSYS;
  const which = call.uint(0);
  const low = call.uint(1);
  const high = call.high[1] as number;
  if (which > SEGBASE_GS_USER_SEL) return -XEN_EINVAL;
  if (which !== SEGBASE_GS_USER_SEL && !isCanonical(high)) return -XEN_EINVAL;
  return () => {
    switch (which) {
      case SEGBASE_FS:
        cpu.write(CpuRegister.fsBase, low, high);
        break;
      case SEGBASE_GS_KERNEL:
        cpu.write(CpuRegister.gsBase, low, high);
        break;
      case SEGBASE_GS_USER:
        pv.inactiveGsLow = low;
        pv.inactiveGsHigh = high;
        break;
      default:
        loadUserGs(call.vcpu, low & 0xffff);
    }
    return 0;
  };
}

export const setSegmentBase: Hypercall = {
  number: __HYPERVISOR_set_segment_base,
  name: 'set_segment_base',
  arguments: 2,
  decode: decodeSetSegmentBase,
};

export const fpuTaskswitch: Hypercall = {
  number: __HYPERVISOR_fpu_taskswitch,
  name: 'fpu_taskswitch',
  arguments: 1,
  decode: (call) => {
    const { pv, trapCpu } = call.vcpu;
    if (!pv) return -XEN_ENOSYS;
    return () => {
      pv.isTaskSwitched = call.uint(0) !== 0;
      trapCpu?.setTaskSwitched(pv.isTaskSwitched);
      return 0;
    };
  },
};

export const setDebugreg: Hypercall = {
  number: __HYPERVISOR_set_debugreg,
  name: 'set_debugreg',
  arguments: 2,
  decode: (call) => {
    const { traps, trapCpu } = call.vcpu;
    if (!traps || !trapCpu) return -XEN_ENOSYS;
    const number = call.uint(0);
    const status = checkDebug(traps, number, call.uint(1), call.high[1] as number);
    if (status !== 0) return status;
    return () => {
      setDebug(traps, trapCpu, number, call.uint(1), call.high[1] as number);
      return 0;
    };
  },
};

const halves = new Uint32Array(2);

export const getDebugreg: Hypercall = {
  number: __HYPERVISOR_get_debugreg,
  name: 'get_debugreg',
  arguments: 1,
  decode: (call) => {
    const { traps, trapCpu } = call.vcpu;
    if (!traps || !trapCpu) return -XEN_ENOSYS;
    if (!readDebug(traps, trapCpu, call.uint(0), halves)) return -XEN_ENODEV;
    return ((halves[1] as number) | 0) * 2 ** 32 + (halves[0] as number);
  },
};
