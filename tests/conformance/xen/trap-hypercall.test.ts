// Hypercalls that shape how a page-table guest's kernel is entered and what a task switch changes.
import {
  __HYPERVISOR_callback_op,
  __HYPERVISOR_fpu_taskswitch,
  __HYPERVISOR_get_debugreg,
  __HYPERVISOR_mmuext_op,
  __HYPERVISOR_nmi_op,
  __HYPERVISOR_set_callbacks,
  __HYPERVISOR_set_debugreg,
  __HYPERVISOR_set_segment_base,
  __HYPERVISOR_set_trap_table,
  __HYPERVISOR_stack_switch,
  __HYPERVISOR_vm_assist,
  CALLBACKF_mask_events,
  CALLBACKOP_register,
  CALLBACKOP_unregister,
  CALLBACKTYPE_event,
  CALLBACKTYPE_failsafe,
  CALLBACKTYPE_nmi,
  CALLBACKTYPE_syscall,
  CALLBACKTYPE_syscall32,
  CALLBACKTYPE_sysenter,
  DOMID_SELF,
  MMUEXT_NEW_BASEPTR,
  MMUEXT_NEW_USER_BASEPTR,
  SEGBASE_FS,
  SEGBASE_GS_KERNEL,
  SEGBASE_GS_USER,
  SEGBASE_GS_USER_SEL,
  VMASST_CMD_enable,
  VMASST_TYPE_m2p_strict,
  XEN_EFAULT,
  XEN_EINVAL,
  XEN_ENODEV,
  XEN_ENOSYS,
  XEN_EPERM,
  XENNMI_unregister_callback,
} from '@proxeny/abi';
import { CpuRegister } from '@proxeny/hv-core';
import { afterEach, describe, expect, it } from 'vitest';
import { RECORD, TrapMachine } from './trap-machine.js';

let m: TrapMachine;
afterEach(() => expect(m.finish()).toEqual([]));
const start = (word: 32 | 64 = 64): void => {
  m = new TrapMachine({ word });
};
const NOT_CANONICAL = 0x8000_0000_0000n;
const NOWHERE = 0x50_0000;

describe('set_trap_table', () => {
  const table = (address: number): number => m.call(__HYPERVISOR_set_trap_table, address);
  /** An entry of a 64-bit guest: vector, flags, selector, address. */
  const put = (index: number, vector: number, flags: number, cs: number, at: bigint): void => {
    m.write(RECORD + index * 16, [vector, flags, cs & 0xff, cs >> 8, 0, 0, 0, 0]);
    m.write64(RECORD + index * 16 + 8, at);
  };

  it('takes entries up to an address of 0, and leaves the others', () => {
    start();
    m.setTrap(5, { address: 0x1234 });
    put(0, 6, 7, 0x10, 0xffff_ffff_8100_0000n);
    put(1, 7, 0, 0x10, 0n);
    expect(table(RECORD)).toBe(0);
    const entry = m.pv.traps.at(6);
    expect(entry.describe()).toEqual([0x13, 0x8100_0000, 0xffff_ffff, true]);
    expect([m.pv.traps.levelOf(6), m.pv.traps.at(5).low]).toEqual([3, 0x1234]);
  });

  it('without a table clears all', () => {
    start();
    m.setTrap(5);
    expect(table(0)).toBe(0);
    expect(m.pv.traps.at(5).isNull(64)).toBe(true);
  });

  it('with an address that is not canonical returns -EINVAL', () => {
    start();
    put(0, 6, 0, 0xe033, 0x1000n);
    put(1, 7, 0, 0xe033, NOT_CANONICAL);
    expect(table(RECORD)).toBe(-XEN_EINVAL);
  });

  it('that cannot be read returns -EFAULT', () => {
    start();
    expect(table(NOWHERE)).toBe(-XEN_EFAULT);
  });

  it('without an end returns -EFAULT where it can no longer be read', () => {
    start();
    for (let i = 0; i < 256; i++) put(i, i, 0, 0xe033, 0x1000n);
    // 0x3000 to 0x3FFF are entries; what is behind them is not mapped.
    m.hypervisor.pageTables.update(m.memory.mfns[8] as never, 4, 0, 0, m.domain.id, false);
    expect(table(RECORD)).toBe(-XEN_EFAULT);
  });

  it('of a 32-bit guest raises the selector’s RPL to 1', () => {
    start(32);
    m.write(RECORD, [9, 0, 0x60, 0]);
    m.write32(RECORD + 4, 0xc000_0000, 0, 0);
    expect(table(RECORD)).toBe(0);
    expect(m.pv.traps.at(9).describe()).toEqual([0x61, 0xc000_0000, 0, false]);
  });
});

describe('callback_op', () => {
  function register(type: number, flags: number, address: bigint | number): number {
    if (m.word === 64) {
      m.write(RECORD, [type, 0, flags, 0, 0, 0, 0, 0]);
      m.write64(RECORD + 8, address);
    } else {
      m.write(RECORD, [type, 0, flags, 0]);
      m.write32(RECORD + 4, 0x60, Number(address));
    }
    return m.call(__HYPERVISOR_callback_op, CALLBACKOP_register, RECORD);
  }
  const unregister = (type: number): number => {
    m.write(RECORD, [type, 0, 0, 0]);
    return m.call(__HYPERVISOR_callback_op, CALLBACKOP_unregister, RECORD);
  };

  it.each([
    ['event', CALLBACKTYPE_event, 'event'],
    ['failsafe', CALLBACKTYPE_failsafe, 'failsafe'],
    ['syscall', CALLBACKTYPE_syscall, 'syscall'],
    ['syscall32', CALLBACKTYPE_syscall32, 'syscall32'],
    ['sysenter', CALLBACKTYPE_sysenter, 'sysenter'],
  ] as const)('registers %s', (_, type, name) => {
    start();
    expect(register(type, CALLBACKF_mask_events, 0xffff_ffff_8000_1000n)).toBe(0);
    expect(m.pv[name].describe()).toEqual([0xe033, 0x8000_1000, 0xffff_ffff, true]);
    expect(register(type, 0, 0x2000)).toBe(0);
    expect(m.pv[name].masksEvents).toBe(name === 'event');
    expect(unregister(type)).toBe(-XEN_EINVAL);
  });

  it('registers and unregisters the NMI as a trap', () => {
    start();
    expect(register(CALLBACKTYPE_nmi, 0, 0x1000)).toBe(0);
    expect(m.pv.traps.at(2).describe()).toEqual([0xe033, 0x1000, 0, true]);
    expect(unregister(CALLBACKTYPE_nmi)).toBe(0);
    expect(m.pv.traps.at(2).isNull(64)).toBe(true);
    expect(register(CALLBACKTYPE_nmi, 0, 0x1000)).toBe(0);
    expect(m.call(__HYPERVISOR_nmi_op, XENNMI_unregister_callback, 0)).toBe(0);
    expect(m.pv.traps.at(2).isNull(64)).toBe(true);
  });

  it('of an address that is not canonical returns -EINVAL', () => {
    start();
    expect(register(CALLBACKTYPE_event, 0, NOT_CANONICAL)).toBe(-XEN_EINVAL);
  });

  it('of an unknown type returns -ENOSYS', () => {
    start();
    expect(register(6, 0, 0x1000)).toBe(-XEN_ENOSYS);
    expect(unregister(9)).toBe(-XEN_ENOSYS);
  });

  it('that cannot be read returns -EFAULT', () => {
    start();
    expect(m.call(__HYPERVISOR_callback_op, CALLBACKOP_register, NOWHERE)).toBe(-XEN_EFAULT);
  });

  it('of an unknown number returns -ENOSYS, of a 32-bit guest -EINVAL', () => {
    start();
    expect(m.call(__HYPERVISOR_callback_op, 2, RECORD)).toBe(-XEN_ENOSYS);
    m.finish();
    start(32);
    expect(m.call(__HYPERVISOR_callback_op, 2, RECORD)).toBe(-XEN_EINVAL);
  });

  it('of a 32-bit guest takes selectors, and has no syscall', () => {
    start(32);
    expect(register(CALLBACKTYPE_event, 0, 0xc000_1000)).toBe(0);
    expect(m.pv.event.describe()).toEqual([0x61, 0xc000_1000, 0, true]);
    expect(register(CALLBACKTYPE_syscall, 0, 0x1000)).toBe(-XEN_ENOSYS);
  });
});

describe('set_callbacks', () => {
  it('of a 64-bit guest sets event, failsafe and syscall', () => {
    start();
    expect(m.call(__HYPERVISOR_set_callbacks, 0x1000, 0x2000, 0x3000)).toBe(0);
    const { event, failsafe, syscall } = m.pv;
    expect([event.low, failsafe.low, syscall.low]).toEqual([0x1000, 0x2000, 0x3000]);
  });

  it('leaves one out that is not canonical, and returns 0', () => {
    start();
    m.call(__HYPERVISOR_set_callbacks, 0x1000, 0x2000, 0x3000);
    expect(m.call(__HYPERVISOR_set_callbacks, 0x4000, NOT_CANONICAL, 0x5000)).toBe(0);
    expect([m.pv.event.low, m.pv.failsafe.low]).toEqual([0x4000, 0x2000]);
  });
});

describe('nmi_op', () => {
  it('of an unknown number returns -ENOSYS', () => {
    start();
    expect(m.call(__HYPERVISOR_nmi_op, 2, RECORD)).toBe(-XEN_ENOSYS);
  });
});

describe('stack_switch', () => {
  it('raises the selector’s RPL to the kernel’s ring', () => {
    start();
    expect(m.call(__HYPERVISOR_stack_switch, 0x18, 0xffff_8880_0000_1000n)).toBe(0);
    expect([m.pv.kernelSs, m.pv.kernelSpLow, m.pv.kernelSpHigh]).toEqual([
      0x1b, 0x1000, 0xffff_8880,
    ]);
    m.finish();
    start(32);
    expect(m.call(__HYPERVISOR_stack_switch, 0x68, 0xc000_1000)).toBe(0);
    expect(m.pv.kernelSs).toBe(0x69);
  });
});

describe('set_segment_base', () => {
  const base = (which: number, value: bigint | number): number =>
    m.call(__HYPERVISOR_set_segment_base, which, value);

  it('sets the bases of FS and of both GS', () => {
    start();
    expect(base(SEGBASE_FS, 0xffff_8880_0000_1000n)).toBe(0);
    expect(base(SEGBASE_GS_KERNEL, 0x2000)).toBe(0);
    expect(base(SEGBASE_GS_USER, 0x3000)).toBe(0);
    expect([m.cpu.get(CpuRegister.fsBase), m.cpu.get(CpuRegister.gsBase)]).toEqual([
      0xffff_8880_0000_1000n,
      0x2000n,
    ]);
    m.enterUser();
    expect(m.cpu.get(CpuRegister.gsBase)).toBe(0x3000n);
  });

  it('loads user mode’s GS by its selector, and leaves the kernel’s base', () => {
    start();
    base(SEGBASE_GS_KERNEL, 0x2000);
    base(SEGBASE_GS_USER, 0x3000);
    expect(base(SEGBASE_GS_USER_SEL, 0xe028)).toBe(0);
    expect([m.cpu.selector(5), m.cpu.get(CpuRegister.gsBase)]).toEqual([0xe02b, 0x2000n]);
    expect(m.pv.inactiveGsLow).toBe(0);
  });

  it('makes user mode’s GS null if the selector does not load, and returns 0', () => {
    start();
    base(SEGBASE_GS_USER, 0x3000);
    expect(base(SEGBASE_GS_USER_SEL, 0x48)).toBe(0);
    expect([m.cpu.selector(5), m.pv.inactiveGsLow]).toEqual([0, 0]);
  });

  it('of an address that is not canonical returns -EINVAL', () => {
    start();
    for (const which of [SEGBASE_FS, SEGBASE_GS_USER, SEGBASE_GS_KERNEL]) {
      expect(base(which, NOT_CANONICAL)).toBe(-XEN_EINVAL);
    }
  });

  it('of an unknown base returns -EINVAL', () => {
    start();
    expect(base(4, 0)).toBe(-XEN_EINVAL);
  });

  it('of a 32-bit guest returns -ENOSYS', () => {
    start(32);
    expect(base(SEGBASE_FS, 0)).toBe(-XEN_ENOSYS);
  });
});

describe('vm_assist m2p_strict', () => {
  it('hides the M2P table from user mode’s page tables, and only from those', () => {
    start();
    const window = (mfn: number): number =>
      m.hypervisor.memory.view.getUint32(mfn * 4096 + 256 * 8, true) & 1;
    const user = m.domain.vcpus[0]?.userRoot as number;
    const userBase = (mfn: number): number => {
      m.write64(RECORD, MMUEXT_NEW_USER_BASEPTR, mfn, 0);
      return m.call(__HYPERVISOR_mmuext_op, RECORD, 1, 0, DOMID_SELF);
    };
    expect(m.call(__HYPERVISOR_vm_assist, VMASST_CMD_enable, VMASST_TYPE_m2p_strict)).toBe(0);
    expect([window(user), window(m.memory.root)]).toEqual([1, 1]);
    expect([userBase(0), userBase(user)]).toEqual([0, 0]);
    expect([window(user), window(m.memory.root)]).toEqual([0, 1]);
    m.write64(RECORD, MMUEXT_NEW_BASEPTR, user, 0);
    expect(m.call(__HYPERVISOR_mmuext_op, RECORD, 1, 0, DOMID_SELF)).toBe(0);
    expect(window(user)).toBe(1);
  });
});

describe('fpu_taskswitch', () => {
  it('sets and clears CR0.TS', () => {
    start();
    expect(m.call(__HYPERVISOR_fpu_taskswitch, 1)).toBe(0);
    expect([m.pv.isTaskSwitched, m.cpu.isTaskSwitched]).toEqual([true, true]);
    expect(m.call(__HYPERVISOR_fpu_taskswitch, 0)).toBe(0);
    expect([m.pv.isTaskSwitched, m.cpu.isTaskSwitched]).toEqual([false, false]);
  });
});

describe('set_debugreg and get_debugreg', () => {
  const set = (number: number, value: bigint | number): number =>
    m.call(__HYPERVISOR_set_debugreg, number, value);
  const get = (number: number): number => m.call(__HYPERVISOR_get_debugreg, number);

  it('keep an address of the guest’s', () => {
    start();
    expect(set(2, 0xffff_8880_0000_1000n)).toBe(0);
    expect(get(2)).toBe(-0x777f_ffff_f000);
  });

  it('of an address of the hypervisor’s return -EPERM', () => {
    start();
    expect(set(0, 0xffff_8000_0000_1000n)).toBe(-XEN_EPERM);
  });

  it('adapt the reserved bits of DR6 and DR7', () => {
    start();
    expect(set(6, 0x1001)).toBe(0);
    expect(get(6)).toBe(0xffff_0ff1);
    expect(set(7, 0x2001)).toBe(-XEN_EPERM); // general detect
    expect(set(7, 0x9801)).toBe(0);
    expect(get(7)).toBe(0x401);
    expect(get(5)).toBe(0x401);
  });

  it('of more than 32 bits of DR6 and DR7 return -EINVAL', () => {
    start();
    expect(set(6, 0x1_0000_0000n)).toBe(-XEN_EINVAL);
    expect(set(7, 0x1_0000_0000n)).toBe(-XEN_EINVAL);
  });

  it('of a breakpoint at a port need CR4.DE: -EPERM', () => {
    start();
    expect(set(7, 0x2_0001)).toBe(-XEN_EPERM);
    expect(set(7, 0x2_0000)).toBe(0);
  });

  it('of a register that is not there return -ENODEV', () => {
    start();
    expect(set(8, 0)).toBe(-XEN_ENODEV);
    expect(get(8)).toBe(-XEN_ENODEV);
  });
});
