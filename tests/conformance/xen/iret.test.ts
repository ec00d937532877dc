// The iret hypercall: what it takes from the stack, and what becomes of a place that cannot be returned to.
import {
  __HYPERVISOR_iret,
  __HYPERVISOR_multicall,
  __HYPERVISOR_vm_assist,
  SHUTDOWN_crash,
  VGCF_in_syscall,
  VMASST_CMD_enable,
  VMASST_TYPE_architectural_iopl,
  XEN_ENOSYS,
} from '@proxeny/abi';
import { CpuRegister } from '@proxeny/hv-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  HANDLER,
  KERNEL_STACK,
  RECORD,
  TrapMachine,
  USER_CODE,
  USER_STACK,
} from './trap-machine.js';

const { ax, cx, ip, sp, flags, r11, gsBase } = CpuRegister;
let m: TrapMachine;
afterEach(() => expect(m.finish()).toEqual([]));
const hasCrashed = (): boolean => m.domain.shutdownReason === SHUTDOWN_crash;

describe('iret of a 64-bit guest', () => {
  beforeEach(() => {
    m = new TrapMachine({ word: 64 });
  });
  const frame = { rax: 0x1234_5678_9abc_def0n, r11: 11n, rcx: 12n, flags: 0n };
  const user = { ip: USER_CODE, cs: 0xe033, flags: 0x202, sp: USER_STACK, ss: 0xe02b };
  const kernel = { ...user, ip: 0x2222, cs: 0xe030, sp: 0x6010 };
  function iret(place: typeof user, more: Partial<typeof frame> = {}, at = 0x6800): void {
    const { rax, r11: r, rcx, flags: f } = { ...frame, ...more };
    m.cpu.set(sp, at);
    m.write64(at, rax, r, rcx, f, place.ip, place.cs, place.flags, place.sp, place.ss);
    m.cpu.set(ax, __HYPERVISOR_iret);
    m.act('hypercall');
  }

  it('to the kernel loads all registers, RPL 3 whatever the frame says, and the mask by IF', () => {
    m.isMasked = true;
    iret(kernel);
    expect(m.cpu.get(ax)).toBe(frame.rax);
    expect([m.cpu.get(r11), m.cpu.get(cx)]).toEqual([11n, 12n]);
    expect([m.cpu.get(ip), m.cpu.get(sp), m.cpu.get(flags)]).toEqual([0x2222n, 0x6010n, 0x202n]);
    expect([m.cpu.selector(1), m.cpu.selector(2)]).toEqual([0xe033, 0xe02b]);
    expect([m.isMasked, m.cpu.isKernelMode]).toEqual([false, true]);
    iret({ ...kernel, flags: 2 });
    expect([m.isMasked, m.cpu.get(flags)]).toEqual([true, 0x202n]);
  });

  it('with RPL 3 goes to user mode: its page tables, its GS base', () => {
    m.cpu.set(gsBase, 0x1000);
    m.pv.inactiveGsLow = 0x2000;
    iret(user);
    expect([m.cpu.isKernelMode, m.cpu.root, m.cpu.get(gsBase)]).toEqual([
      false,
      m.domain.vcpus[0]?.userRoot,
      0x2000n,
    ]);
    expect(m.cpu.get(ip)).toBe(BigInt(USER_CODE));
  });

  it.each([0x6fb8, 0x6fc0, 0x6ff8])(
    'takes a frame at %i, at the end of a page or across it',
    (at) => {
      iret(user, {}, at);
      expect([m.cpu.get(ip), m.cpu.get(sp)]).toEqual([BigInt(USER_CODE), BigInt(USER_STACK)]);
      expect([m.cpu.get(ax), m.cpu.get(r11), m.cpu.get(cx)]).toEqual([frame.rax, 11n, 12n]);
      expect(m.cpu.selector(2)).toBe(0xe02b);
    },
  );

  it('never lets IOPL or VM into the flags', () => {
    iret({ ...kernel, flags: 0x2_3202 });
    expect(m.cpu.get(flags)).toBe(0x202n);
  });

  it('with the assist for it takes IOPL', () => {
    expect(m.call(__HYPERVISOR_vm_assist, VMASST_CMD_enable, VMASST_TYPE_architectural_iopl)).toBe(
      0,
    );
    iret({ ...kernel, flags: 0x3202 });
    expect(m.pv.ioLevel).toBe(3);
  });

  it('with VGCF_in_syscall leaves RCX and R11 as SYSRET does, and its selectors', () => {
    iret({ ...user, cs: 0xe02b, ss: 0 }, { flags: BigInt(VGCF_in_syscall) });
    expect([m.cpu.get(cx), m.cpu.get(r11)]).toEqual([BigInt(USER_CODE), 0x202n]);
    expect([m.cpu.selector(1), m.cpu.selector(2)]).toEqual([0xe033, 0xe02b]);
  });

  it('with VGCF_in_syscall to 32-bit code keeps its selector', () => {
    iret({ ...user, cs: 0xe023 }, { flags: BigInt(VGCF_in_syscall) });
    expect(m.cpu.selector(1)).toBe(0xe023);
  });

  it('to user mode without page tables for it crashes the domain', () => {
    const vcpu = m.domain.vcpus[0];
    m.hypervisor.types.putPageAndType(vcpu?.userRoot as never);
    if (vcpu) vcpu.userRoot = -1;
    iret(user);
    expect(hasCrashed()).toBe(true);
  });

  it('from a stack that is not mapped crashes the domain', () => {
    m.cpu.set(sp, 0x50_0000);
    m.cpu.set(ax, __HYPERVISOR_iret);
    m.act('hypercall');
    expect(hasCrashed()).toBe(true);
  });

  it('to a selector that does not load is #GP of the place it goes to', () => {
    m.setTrap(13);
    iret({ ...user, cs: 0x43 });
    expect(m.cpu.get(ip)).toBe(BigInt(HANDLER + 13 * 16));
    expect(m.cpu.get(sp)).toBe(BigInt(KERNEL_STACK - 64));
    expect(m.stack(8).slice(2)).toEqual([
      0x40n,
      BigInt(USER_CODE),
      0x43n,
      0x1_0202n,
      BigInt(USER_STACK),
      0xe02bn,
    ]);
  });

  it('to an address that is not canonical is #GP(0)', () => {
    m.setTrap(13);
    iret({ ...user, ip: 2 ** 47 });
    expect(m.stack(4).slice(2)).toEqual([0n, 0x8000_0000_0000n]);
  });

  it('to a place that faults, without #GP’s handler, crashes the domain', () => {
    iret({ ...user, cs: 0x43 });
    expect(hasCrashed()).toBe(true);
  });

  it('delivers an event that it unmasks', () => {
    m.setCallbacks(0x1800);
    m.isMasked = true;
    m.domain.vcpus[0]?.markEventsPending();
    iret(user);
    m.act(() => {});
    expect(m.cpu.get(ip)).toBe(0x1800n);
    expect(m.stack(4).slice(2)).toEqual([BigInt(USER_CODE), 0xe033n]);
  });

  it('takes back the frame of an exception', () => {
    m.setTrap(0);
    m.isMasked = false;
    m.enterUser();
    m.cpu.set(cx, 77);
    const before = [m.cpu.get(ip), m.cpu.get(sp), m.cpu.get(cx), m.cpu.selector(1)];
    m.exception(0);
    // What a kernel does: RAX and the word of flags below the frame.
    const [rcx = 0n, r = 0n, ...place] = m.stack(7);
    m.cpu.set(sp, 0x6800);
    m.write64(0x6800, 5n, r, rcx, 0n, ...place);
    m.cpu.set(ax, __HYPERVISOR_iret);
    m.act('hypercall');
    expect([m.cpu.get(ip), m.cpu.get(sp), m.cpu.get(cx), m.cpu.selector(1)]).toEqual(before);
    expect([m.cpu.get(ax), m.isMasked, m.cpu.isKernelMode]).toEqual([5n, false, false]);
  });

  it('inside a multicall returns -ENOSYS', () => {
    m.write64(RECORD, __HYPERVISOR_iret, 0, 0, 0, 0, 0, 0, 0);
    expect(m.call(__HYPERVISOR_multicall, RECORD, 1)).toBe(0);
    const result = new DataView(m.read(RECORD + 8, 8).buffer).getBigInt64(0, true);
    expect(result).toBe(BigInt(-XEN_ENOSYS));
  });
});

describe('iret of a 32-bit guest', () => {
  beforeEach(() => {
    m = new TrapMachine({ word: 32 });
  });
  function iret(...words: readonly number[]): void {
    const at = 0x6800;
    m.cpu.set(sp, at);
    m.write32(at, ...words);
    m.cpu.set(ax, __HYPERVISOR_iret);
    m.act('hypercall');
  }

  it('to ring 1 takes EAX, EIP, CS, EFLAGS and leaves the stack above them', () => {
    iret(7, 0x2222, 0xe019, 0x3202);
    expect([m.cpu.get(ax), m.cpu.get(ip), m.cpu.get(sp)]).toEqual([7n, 0x2222n, 0x6810n]);
    expect([m.cpu.get(flags), m.isMasked]).toEqual([0x202n, false]);
  });

  it('to ring 3 takes ESP and SS too', () => {
    iret(7, USER_CODE, 0xe02b, 2, USER_STACK, 0xe033);
    expect([m.cpu.get(sp), m.cpu.selector(2), m.isMasked]).toEqual([
      BigInt(USER_STACK),
      0xe033,
      true,
    ]);
  });

  it('ignores the saved mask above CS', () => {
    iret(7, 0x2222, 0x1_e019, 0x202);
    expect(m.isMasked).toBe(false);
  });

  it('to ring 0 crashes the domain', () => {
    iret(7, 0x2222, 0xe018, 0x202);
    expect(hasCrashed()).toBe(true);
  });

  it('to a selector that does not load is #GP of the place it goes to', () => {
    m.setTrap(13);
    iret(7, USER_CODE, 0x4b, 0x202, USER_STACK, 0xe033);
    expect(m.stack(6)).toEqual([
      0x48n,
      BigInt(USER_CODE),
      0x4bn,
      0x1_0202n,
      BigInt(USER_STACK),
      0xe033n,
    ]);
  });

  it('to virtual-8086 mode is #GP with that frame on the kernel’s stack', () => {
    m.setTrap(13, { masks: true });
    iret(7, 0x100, 0x2000, 0x2_0202, 0xfffe, 0x3000, 1, 2, 3, 4);
    expect(m.cpu.get(ip)).toBe(BigInt(HANDLER + 13 * 16));
    expect(m.cpu.get(sp)).toBe(BigInt(KERNEL_STACK - 40));
    expect(m.stack(10)).toEqual([0n, 0x100n, 0x2000n, 0x2_0202n, 0xfffen, 0x3000n, 1n, 2n, 3n, 4n]);
    expect(m.isMasked).toBe(true);
  });

  it('from a stack that is not mapped crashes the domain', () => {
    m.cpu.set(sp, 0x50_0000);
    m.cpu.set(ax, __HYPERVISOR_iret);
    m.act('hypercall');
    expect(hasCrashed()).toBe(true);
  });
});

describe('a system call and its return', () => {
  it('come back to where they were', () => {
    m = new TrapMachine({ word: 64 });
    m.setCallbacks(0x1800, 0, 0x1900);
    m.enterUser();
    m.cpu.set(ip, USER_CODE + 2);
    m.act(() => {
      m.cpu.set(cx, USER_CODE + 2);
      m.cpu.set(r11, 0x202);
      m.traps.systemCall(false);
    });
    const [rcx = 0n, r = 0n, ...place] = m.stack(7);
    m.write64(0x6800, 9n, r, rcx, BigInt(VGCF_in_syscall), ...place);
    m.cpu.set(sp, 0x6800);
    m.cpu.set(ax, __HYPERVISOR_iret);
    m.act('hypercall');
    expect([m.cpu.get(ip), m.cpu.get(sp), m.cpu.get(ax)]).toEqual([
      BigInt(USER_CODE + 2),
      BigInt(USER_STACK),
      9n,
    ]);
  });
});
