// How a page-table guest's kernel is entered for exceptions: what the frame holds, and what happens without a handler or a stack.
import {
  __HYPERVISOR_stack_switch,
  __HYPERVISOR_vm_assist,
  SHUTDOWN_crash,
  VMASST_CMD_enable,
  VMASST_TYPE_architectural_iopl,
  vcpu_info,
} from '@proxeny/abi';
import { CpuRegister } from '@proxeny/hv-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  CODE,
  HANDLER,
  KERNEL_STACK,
  STACK,
  TrapMachine,
  USER_CODE,
  USER_STACK,
} from './trap-machine.js';

const { ip, sp, flags, cx, r11, gsBase } = CpuRegister;
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

describe('an exception of a 64-bit kernel', () => {
  beforeEach(() => start(64));

  it('pushes RCX, R11, RIP, CS with RPL 0, RFLAGS, RSP and SS on a stack aligned to 16', () => {
    m.setTrap(0);
    m.cpu.set(cx, 0x1111_2222_3333_4444n);
    m.cpu.set(r11, 0xffff_ffff_ffff_fff1n);
    m.cpu.set(sp, STACK - 5);
    m.isMasked = true;
    m.exception(0);
    expect(m.cpu.get(ip)).toBe(BigInt(HANDLER));
    expect(m.cpu.get(sp)).toBe(BigInt(STACK - 16 - 56));
    expect(m.stack(7)).toEqual([
      0x1111_2222_3333_4444n,
      0xffff_ffff_ffff_fff1n,
      BigInt(CODE),
      0x1_0000_e030n,
      0x1_0002n,
      BigInt(STACK - 5),
      0xe02bn,
    ]);
    expect([m.cpu.selector(1), m.cpu.selector(2)]).toEqual([0xe033, 0xe02b]);
  });

  it('puts an error code between R11 and RIP', () => {
    m.setTrap(12);
    m.exception(12, 0x1234);
    expect(m.stack(4).slice(2)).toEqual([0x1234n, BigInt(CODE)]);
    expect(m.cpu.get(sp)).toBe(BigInt(STACK - 64));
  });

  it('tells IF by the upcall mask, and keeps the mask unless the handler masks events', () => {
    m.setTrap(0);
    m.isMasked = false;
    m.exception(0);
    expect(m.stack(5).slice(3)).toEqual([0xe030n, 0x1_0202n]);
    expect(m.isMasked).toBe(false);
    m.setTrap(0, { masks: true });
    m.exception(0);
    expect(m.isMasked).toBe(true);
  });

  it('clears TF, NT, RF and AC but pushes them', () => {
    m.setTrap(0);
    m.cpu.set(flags, 0x202 | 0x100 | 0x4000 | 0x4_0000 | 0x400);
    m.exception(0);
    expect(m.stack(5)[4]).toBe(0x5_4502n);
    expect(m.cpu.get(flags)).toBe(0x602n);
  });

  it('tells IOPL only with the assist for it', () => {
    m.setTrap(3);
    m.pv.ioLevel = 1;
    m.exception(3);
    expect((m.stack(5)[4] as bigint) & 0x3000n).toBe(0n);
    expect(m.call(__HYPERVISOR_vm_assist, VMASST_CMD_enable, VMASST_TYPE_architectural_iopl)).toBe(
      0,
    );
    m.exception(3);
    expect((m.stack(5)[4] as bigint) & 0x3000n).toBe(0x1000n);
  });

  it('is a trap without RF for a breakpoint', () => {
    m.setTrap(3);
    m.exception(3);
    expect((m.stack(5)[4] as bigint) & 0x1_0000n).toBe(0n);
  });

  it('without a handler crashes the domain', () => {
    m.exception(0);
    expect(hasCrashed()).toBe(true);
    expect(m.domain.crashMessage).toContain('unhandled exception 0');
  });

  it('on a stack that is not mapped crashes the domain', () => {
    m.setTrap(0);
    m.cpu.set(sp, 0x50_0000);
    m.exception(0);
    expect(hasCrashed()).toBe(true);
  });

  it('on a stack in the hypervisor’s part crashes the domain', () => {
    m.setTrap(0);
    m.cpu.set(sp, 0xffff_8000_0000_1000n);
    m.exception(0);
    expect(hasCrashed()).toBe(true);
  });

  it('on a stack at no canonical address crashes the domain', () => {
    m.setTrap(0);
    m.cpu.set(sp, 0x8000_0000_0000_1000n);
    m.exception(0);
    expect(hasCrashed()).toBe(true);
  });

  it('may have a frame that crosses a page', () => {
    m.setTrap(0);
    m.cpu.set(sp, 0x6020);
    m.exception(0);
    expect(m.stack(7).slice(4)).toEqual([0x1_0002n, 0x6020n, 0xe02bn]);
  });

  it('with a frame that crosses into a page that is not mapped crashes the domain, and nothing is written', () => {
    m.setTrap(0);
    const end = 24 * 4096;
    m.write64(end - 64, 1, 2, 3, 4, 5, 6, 7, 8);
    m.cpu.set(sp, end + 0x20);
    m.exception(0);
    expect(hasCrashed()).toBe(true);
    expect(m.read(end - 64, 64).filter((_, i) => i % 8 === 0)).toEqual(
      Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
    );
  });
});

describe('an exception of 64-bit user mode', () => {
  beforeEach(() => start(64));

  it('enters the kernel on its own stack, with its page tables and GS base', () => {
    m.setTrap(0);
    m.cpu.set(gsBase, 0x1000);
    m.pv.inactiveGsLow = 0x2000;
    m.enterUser();
    expect([m.cpu.get(gsBase), m.cpu.isKernelMode, m.cpu.root]).toEqual([
      0x2000n,
      false,
      m.domain.vcpus[0]?.userRoot,
    ]);
    m.exception(0);
    expect([m.cpu.get(gsBase), m.cpu.isKernelMode, m.cpu.root]).toEqual([
      0x1000n,
      true,
      m.memory.root,
    ]);
    expect(m.cpu.get(sp)).toBe(BigInt(KERNEL_STACK - 56));
    expect(m.stack(7).slice(2)).toEqual([
      BigInt(USER_CODE),
      0x1_0000_e033n,
      0x1_0002n,
      BigInt(USER_STACK),
      0xe02bn,
    ]);
  });

  it('uses the stack that stack_switch gave', () => {
    m.setTrap(0);
    expect(m.call(__HYPERVISOR_stack_switch, 0xe02b, 0x5008)).toBe(0);
    m.enterUser();
    m.exception(0);
    expect(m.cpu.get(sp)).toBe(BigInt(0x5000 - 56));
  });
});

describe('a page fault', () => {
  beforeEach(() => start(64));
  const cr2 = (): number => {
    const { arch } = vcpu_info.of(64).fields;
    return arch.fields.cr2.get(m.hypervisor.memory.view, m.domain.vcpus[0]?.info);
  };

  it('of the kernel has no user bit, and tells its address in vcpu_info', () => {
    m.setTrap(14);
    m.act(() => void m.traps.pageFault(0x12_3456, 6));
    expect(m.stack(3)[2]).toBe(2n);
    expect(cr2()).toBe(0x12_3456);
  });

  it('of user mode has the user bit', () => {
    m.setTrap(14);
    m.enterUser();
    m.act(() => void m.traps.pageFault(0x1000, 4));
    expect(m.stack(3)[2]).toBe(4n);
  });

  it('tells a high address whole', () => {
    m.setTrap(14);
    m.act(() => void m.traps.pageFault(-0x1000, 4));
    expect([m.pv.cr2Low, m.pv.cr2High]).toEqual([0xffff_f000, 0xffff_ffff]);
  });
});

describe('an exception of a 32-bit guest', () => {
  beforeEach(() => start(32));

  it('in the kernel pushes EIP, CS with the mask, EFLAGS', () => {
    m.setTrap(0);
    m.isMasked = true;
    m.exception(0);
    expect(m.stack(3)).toEqual([BigInt(CODE), 0x1_e019n, 0x1_0002n]);
    expect(m.cpu.get(sp)).toBe(BigInt(STACK - 12));
    expect(m.cpu.selector(1)).toBe(0xe019);
  });

  it('may have a frame that crosses a page', () => {
    m.setTrap(0);
    m.cpu.set(sp, 0x6004);
    m.exception(0);
    expect(m.stack(3)).toEqual([BigInt(CODE), 0x1_e019n, 0x1_0002n]);
    expect(m.cpu.get(sp)).toBe(0x5ff8n);
  });

  it('in user mode pushes ESP and SS as well, on the kernel’s stack', () => {
    m.setTrap(13);
    m.enterUser();
    m.isMasked = false;
    m.exception(13, 0x50);
    expect(m.stack(6)).toEqual([
      0x50n,
      BigInt(USER_CODE),
      0xe02bn,
      0x1_0202n,
      BigInt(USER_STACK),
      0xe033n,
    ]);
    expect(m.cpu.get(sp)).toBe(BigInt(KERNEL_STACK - 24));
    expect([m.cpu.selector(1), m.cpu.selector(2)]).toEqual([0xe019, 0xe021]);
  });

  it('without a handler crashes the domain', () => {
    m.exception(6);
    expect(hasCrashed()).toBe(true);
  });

  it('with a kernel stack segment that is null crashes the domain', () => {
    m.setTrap(0);
    m.pv.kernelSs = 1;
    m.enterUser();
    m.exception(0);
    expect(hasCrashed()).toBe(true);
  });

  it('with a stack that is not mapped crashes the domain', () => {
    m.setTrap(0);
    m.cpu.set(sp, 0x40_0000);
    m.exception(0);
    expect(hasCrashed()).toBe(true);
  });
});
