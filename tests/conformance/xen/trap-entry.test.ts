// How a page-table guest's kernel is entered for what is no exception: events, system calls, INT n, NMIs, and the failsafe callback.
import {
  __HYPERVISOR_nmi_op,
  __HYPERVISOR_set_callbacks,
  __HYPERVISOR_vcpu_op,
  SHUTDOWN_crash,
  VCPUOP_send_nmi,
  XENNMI_register_callback,
} from '@proxeny/abi';
import { CpuRegister } from '@proxeny/hv-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  CODE,
  HANDLER,
  KERNEL_STACK,
  RECORD,
  STACK,
  TrapMachine,
  USER_CODE,
  USER_STACK,
} from './trap-machine.js';

const { ip, sp, flags, cx, r11 } = CpuRegister;
let m: TrapMachine;
let ends: boolean;
const start = (word: 32 | 64): void => {
  m = new TrapMachine({ word });
  ends = true;
};
afterEach(() => {
  expect(m.finish()).toEqual([]);
  expect(ends).toBe(true);
});
const hasCrashed = (): boolean => m.domain.shutdownReason === SHUTDOWN_crash;

describe('an event', () => {
  it('enters the callback masked, once it is unmasked', () => {
    start(64);
    m.setCallbacks(0x1800);
    m.isMasked = true;
    m.domain.vcpus[0]?.markEventsPending();
    m.act(() => {});
    expect(m.cpu.get(ip)).toBe(BigInt(CODE));
    m.isMasked = false;
    m.act(() => {});
    expect(m.cpu.get(ip)).toBe(0x1800n);
    expect(m.stack(7).slice(2, 5)).toEqual([BigInt(CODE), 0xe030n, 0x202n]);
    expect(m.isMasked).toBe(true);
    m.act(() => {});
    expect(m.cpu.get(sp)).toBe(BigInt(STACK - 56));
  });

  it('that waits comes on top of an exception whose handler does not mask', () => {
    start(64);
    m.setCallbacks(0x1800);
    m.setTrap(0);
    m.isMasked = false;
    m.act(() => {
      m.domain.vcpus[0]?.markEventsPending();
      m.traps.exception(0, -1);
    });
    expect(m.cpu.get(ip)).toBe(0x1800n);
    expect(m.stack(3)[2]).toBe(BigInt(HANDLER));
  });

  it('waits for a handler that masks', () => {
    start(64);
    m.setCallbacks(0x1800);
    m.setTrap(0, { masks: true });
    m.isMasked = false;
    m.act(() => {
      m.domain.vcpus[0]?.markEventsPending();
      m.traps.exception(0, -1);
    });
    expect(m.cpu.get(ip)).toBe(BigInt(HANDLER));
  });

  it('without a callback crashes the domain', () => {
    start(64);
    m.isMasked = false;
    m.domain.vcpus[0]?.markEventsPending();
    m.act(() => {});
    expect(hasCrashed()).toBe(true);
  });

  it('of a 32-bit guest enters its callback’s selector', () => {
    start(32);
    m.setCallbacks(0x1800);
    m.enterUser();
    m.isMasked = false;
    m.domain.vcpus[0]?.markEventsPending();
    m.act(() => {});
    expect([m.cpu.get(ip), m.cpu.selector(1)]).toEqual([0x1800n, 0xe019]);
    expect(m.stack(5)).toEqual([BigInt(USER_CODE), 0xe02bn, 0x202n, BigInt(USER_STACK), 0xe033n]);
  });
});

describe('SYSCALL of 64-bit user mode', () => {
  beforeEach(() => start(64));
  const syscall = (isCompatibility = false): void =>
    m.act(() => {
      m.cpu.set(ip, USER_CODE + 2);
      m.cpu.set(cx, USER_CODE + 2);
      m.cpu.set(r11, m.cpu.get(flags));
      m.traps.systemCall(isCompatibility);
    });

  it('enters the callback with flat selectors, DF clear', () => {
    m.setCallbacks(0x1800, 0, 0x1900);
    m.cpu.set(flags, 0x602);
    m.enterUser();
    syscall();
    expect(m.cpu.get(ip)).toBe(0x1900n);
    expect(m.stack(7)).toEqual([
      BigInt(USER_CODE + 2),
      0x602n,
      BigInt(USER_CODE + 2),
      0x1_0000_e033n,
      0x402n,
      BigInt(USER_STACK),
      0xe02bn,
    ]);
    expect(m.cpu.get(flags)).toBe(0x202n);
  });

  it('from 32-bit code enters syscall32', () => {
    m.pv.syscall32.set(0, 0x1a00, 0, false);
    m.enterUser();
    syscall(true);
    expect(m.cpu.get(ip)).toBe(0x1a00n);
    expect(m.stack(4)[3]).toBe(0x1_0000_e023n);
  });

  it('without a callback is #UD at the instruction', () => {
    m.setTrap(6);
    m.enterUser();
    syscall();
    expect(m.cpu.get(ip)).toBe(BigInt(HANDLER + 6 * 16));
    expect(m.stack(3)[2]).toBe(BigInt(USER_CODE));
  });

  it('without a callback and without #UD’s handler crashes the domain', () => {
    m.enterUser();
    syscall();
    expect(hasCrashed()).toBe(true);
  });
});

describe('SYSENTER', () => {
  it('enters its callback and tells neither where it was nor its stack', () => {
    start(64);
    m.pv.sysenter.set(0, 0x1b00, 0, true);
    m.enterUser();
    m.act(() => void m.traps.systemEnter());
    expect(m.cpu.get(ip)).toBe(0x1b00n);
    expect(m.stack(7).slice(2)).toEqual([0n, 0x1_0000_0003n, 0x2n, 0n, 0xe02bn]);
    expect(m.isMasked).toBe(true);
  });

  it('without a callback is #GP(0)', () => {
    start(32);
    m.setTrap(13);
    m.enterUser();
    m.act(() => void m.traps.systemEnter());
    expect(m.cpu.get(ip)).toBe(BigInt(HANDLER + 13 * 16));
    expect(m.stack(3)).toEqual([0n, 0n, 0x1_0003n]);
  });
});

describe('INT n', () => {
  const interrupt = (vector: number, length = 2): void =>
    m.act(() => void m.traps.softwareInterrupt(vector, length));

  it('enters a handler of level 3 from user mode, behind the instruction', () => {
    start(64);
    m.setTrap(0x90, { level: 3 });
    m.enterUser();
    interrupt(0x90);
    expect(m.cpu.get(ip)).toBe(BigInt(HANDLER + 0x900));
    expect(m.stack(3)[2]).toBe(BigInt(USER_CODE + 2));
  });

  it('of a handler of level 1 is #GP with the vector from user mode, and not from the kernel', () => {
    start(64);
    m.setTrap(0x90, { level: 1 });
    m.setTrap(13);
    interrupt(0x90);
    expect(m.cpu.get(ip)).toBe(BigInt(HANDLER + 0x900));
    m.enterUser();
    interrupt(0x90);
    expect(m.cpu.get(ip)).toBe(BigInt(HANDLER + 13 * 16));
    expect(m.stack(4).slice(2)).toEqual([BigInt(0x90 * 8 + 2), BigInt(USER_CODE)]);
  });

  it('of a handler of level 0 is #GP even from the kernel', () => {
    start(32);
    m.setTrap(0x90);
    m.setTrap(13);
    interrupt(0x90);
    expect(m.stack(2)).toEqual([BigInt(0x90 * 8 + 2), BigInt(CODE)]);
  });

  it('0x80 needs no level, only a handler', () => {
    start(32);
    m.setTrap(0x80);
    m.enterUser();
    interrupt(0x80);
    expect(m.cpu.get(ip)).toBe(BigInt(HANDLER + 0x800));
  });

  it('0x80 without a handler is #GP', () => {
    start(64);
    m.setTrap(13);
    m.enterUser();
    interrupt(0x80);
    expect(m.stack(4).slice(2)).toEqual([0x402n, BigInt(USER_CODE)]);
  });

  it.each([
    ['INT3', 3, 1],
    ['INTO', 4, 1],
    ['INT 3 in two bytes', 3, 2],
    ['INT1', 1, 1],
  ])('%s needs no level', (_, vector, length) => {
    start(64);
    m.setTrap(vector as number);
    m.enterUser();
    interrupt(vector as number, length as number);
    expect(m.cpu.get(ip)).toBe(BigInt(HANDLER + (vector as number) * 16));
    expect(m.stack(3)[2]).toBe(BigInt(USER_CODE + (length as number)));
  });
});

describe('an NMI', () => {
  it('enters its handler masked, before events, and no second one until the iret', () => {
    start(64);
    m.setCallbacks(0x1800);
    m.write64(RECORD, 0x1c00, 0);
    expect(m.call(__HYPERVISOR_nmi_op, XENNMI_register_callback, RECORD)).toBe(0);
    m.isMasked = false;
    m.domain.vcpus[0]?.markEventsPending();
    m.isMasked = true;
    expect(m.call(__HYPERVISOR_vcpu_op, VCPUOP_send_nmi, 0, 0)).toBe(0);
    m.act(() => {});
    expect(m.cpu.get(ip)).toBe(0x1c00n);
    expect(m.call(__HYPERVISOR_vcpu_op, VCPUOP_send_nmi, 0, 0)).toBe(0);
    m.act(() => {});
    expect(m.cpu.get(sp)).toBe(BigInt(STACK - 56));
  });

  it('without a handler is lost', () => {
    start(64);
    expect(m.call(__HYPERVISOR_vcpu_op, VCPUOP_send_nmi, 0, 0)).toBe(0);
    m.act(() => {});
    expect([m.cpu.get(ip), m.pv.isNmiPending]).toEqual([BigInt(CODE), false]);
  });
});

describe('#NM', () => {
  it('goes to the guest if it has set TS, and clears it', () => {
    start(64);
    m.setTrap(7);
    m.pv.isTaskSwitched = true;
    m.cpu.isTaskSwitched = true;
    m.exception(7);
    expect(m.cpu.get(ip)).toBe(BigInt(HANDLER + 7 * 16));
    expect([m.pv.isTaskSwitched, m.cpu.isTaskSwitched]).toEqual([false, false]);
  });
});

describe('the failsafe callback', () => {
  const fail = (): void => {
    m.setCallbacks(0x1800, 0x1d00);
    m.act(() => m.traps.loadSegments(m.cpu, 0x50, 0, 0x5b, 0));
  };

  it('of a 64-bit guest gets DS, ES, FS, GS that would not load, which are null now', () => {
    start(64);
    fail();
    expect(m.cpu.get(ip)).toBe(0x1d00n);
    expect(m.stack(11).slice(2, 8)).toEqual([0x50n, 0n, 0x5bn, 0n, BigInt(CODE), 0x1_0000_e030n]);
    expect([m.cpu.selector(3), m.cpu.selector(4)]).toEqual([0, 0]);
  });

  it('of a 32-bit guest in user mode gets them below EIP', () => {
    start(32);
    m.setCallbacks(0x1800, 0x1d00);
    m.enterUser();
    m.act(() => m.traps.loadSegments(m.cpu, 0x50, 0, 0x5b, 0));
    expect(m.cpu.get(sp)).toBe(BigInt(KERNEL_STACK - 36));
    expect(m.stack(9)).toEqual([
      0x50n,
      0n,
      0x5bn,
      0n,
      BigInt(USER_CODE),
      0x1_e02bn,
      0x2n,
      BigInt(USER_STACK),
      0xe033n,
    ]);
  });

  it('is not entered if there is none: the domain crashes', () => {
    start(64);
    m.call(__HYPERVISOR_set_callbacks, 0x1800, 0, 0);
    m.act(() => m.traps.loadSegments(m.cpu, 0x50, 0, 0, 0));
    expect(hasCrashed()).toBe(true);
  });
});
