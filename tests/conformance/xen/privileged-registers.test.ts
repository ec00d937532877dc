// Control and debug registers, the time stamp counter and XCR0 of page-table guests.
import { CpuRegister } from '@proxeny/hv-core';
import { afterEach, describe, expect, it } from 'vitest';
import * as guest from './privileged-guest.js';
import { GP_HANDLER, UD_HANDLER } from './privileged-guest.js';
import { CODE, HANDLER, type TrapMachine } from './trap-machine.js';

const { ax, bx, cx, dx, ip, dr6 } = CpuRegister;
let m: TrapMachine;
afterEach(() => expect(m.finish()).toEqual([]));

function machine(word: 32 | 64 = 64): TrapMachine {
  m = guest.privilegedGuest(word);
  return m;
}
const run = (...bytes: readonly number[]): boolean => guest.runPrivileged(m, ...bytes);
const allowPorts = (level = 1): void => guest.allowPorts(m, level);

describe('control registers', () => {
  it('CR0 reads as fixed but for TS, and takes nothing else', () => {
    machine();
    expect(run(0x0f, 0x20, 0xc3)).toBe(true); // mov rbx, cr0
    expect(m.cpu.get(bx)).toBe(0x8005_0033n);
    m.cpu.set(bx, 0x8005_003b);
    expect(run(0x0f, 0x22, 0xc3)).toBe(true); // mov cr0, rbx
    expect([m.pv.isTaskSwitched, m.cpu.isTaskSwitched]).toEqual([true, true]);
    expect(run(0x0f, 0x06)).toBe(true); // clts
    expect([m.pv.isTaskSwitched, m.cpu.isTaskSwitched]).toEqual([false, false]);
    m.cpu.set(bx, 0x8004_0033);
    expect(run(0x0f, 0x22, 0xc3)).toBe(false);
  });

  it('CR2 is a number', () => {
    machine();
    m.cpu.set(cx, 0xffff_8888_1234_5678n);
    expect(run(0x0f, 0x22, 0xd1)).toBe(true); // mov cr2, rcx
    expect(run(0x41, 0x0f, 0x20, 0xd7)).toBe(true); // mov r15, cr2
    expect(m.cpu.get(15)).toBe(0xffff_8888_1234_5678n);
  });

  it('CR3 is the kernel’s page tables', () => {
    machine();
    expect(run(0x0f, 0x20, 0xd8)).toBe(true); // mov rax, cr3
    expect(m.cpu.get(ax)).toBe(BigInt(m.memory.root) << 12n);
    expect(run(0x0f, 0x22, 0xd8)).toBe(true);
    m.cpu.set(ax, BigInt(m.memory.mfns[12] as number) << 12n); // the user's L4 is one as well
    expect(run(0x0f, 0x22, 0xd8)).toBe(true);
    expect(m.cpu.root).toBe(m.memory.mfns[12]);
  });

  it('CR3 of a frame that is no root is #GP', () => {
    machine();
    m.cpu.set(ax, BigInt(m.memory.mfns[8] as number) << 12n);
    expect(run(0x0f, 0x22, 0xd8)).toBe(false);
    expect(m.cpu.root).toBe(m.memory.root);
  });

  it('CR3 of a PAE guest has the frame’s high bits below', () => {
    machine(32);
    expect(run(0x0f, 0x20, 0xd8)).toBe(true);
    expect(m.cpu.get(ax)).toBe(BigInt(m.memory.root) << 12n);
    expect(run(0x0f, 0x22, 0xd8)).toBe(true);
  });

  it('CR4 takes TSD, DE, FSGSBASE and OSXSAVE', () => {
    machine();
    m.cpu.set(ax, 0xffff_ffff);
    expect(run(0x0f, 0x22, 0xe0)).toBe(true); // mov cr4, rax
    expect(run(0x0f, 0x20, 0xe0)).toBe(true);
    expect(m.cpu.get(ax)).toBe(0x5_066cn);
    expect(m.cpu.control4).toBe(0x5_066c);
  });

  it('CR8 and CR1 are #GP, and so is all of it in user mode', () => {
    machine();
    expect(run(0x44, 0x0f, 0x20, 0xc0)).toBe(false);
    machine();
    m.enterUser();
    expect(run(0x0f, 0x20, 0xc0)).toBe(false);
    expect(m.cpu.get(ip)).toBe(GP_HANDLER);
  });
});

describe('debug registers', () => {
  it('read back as they are written', () => {
    machine();
    m.cpu.set(ax, 0x1234);
    expect(run(0x0f, 0x23, 0xc8)).toBe(true); // mov dr1, rax
    expect(run(0x0f, 0x21, 0xcb)).toBe(true); // mov rbx, dr1
    expect(m.cpu.get(bx)).toBe(0x1234n);
  });

  it('do not point into the hypervisor', () => {
    machine();
    m.cpu.set(ax, 0xffff_8000_0000_0000n);
    expect(run(0x0f, 0x23, 0xc8)).toBe(false);
  });

  it('4 and 5 are 6 and 7, until CR4.DE makes them #UD', () => {
    machine();
    m.cpu.set(ax, 0x400);
    expect(run(0x0f, 0x23, 0xe8)).toBe(true); // mov dr5, rax
    m.cpu.set(ax, 8);
    expect(run(0x0f, 0x22, 0xe0)).toBe(true); // mov cr4, rax
    expect(run(0x0f, 0x23, 0xe8)).toBe(false);
    expect(m.cpu.get(ip)).toBe(UD_HANDLER);
  });

  it('at ports stop IN and OUT, not the CPU', () => {
    machine();
    allowPorts();
    m.cpu.set(ax, 8);
    expect(run(0x0f, 0x22, 0xe0)).toBe(true);
    m.cpu.set(ax, 0x70);
    expect(run(0x0f, 0x23, 0xc0)).toBe(true); // mov dr0, rax
    m.cpu.set(ax, 0x2_0402); // at ports, one byte, enabled
    expect(run(0x0f, 0x23, 0xf8)).toBe(true);
    expect(m.cpu.get(25)).toBe(0x2_0400n);
    run(0xe4, 0x70);
    expect(m.cpu.get(ip)).toBe(BigInt(HANDLER + 16));
    expect(m.cpu.get(dr6) & 15n).toBe(1n);
    expect(m.stack(3)[2]).toBeGreaterThan(BigInt(CODE));
  });
});

describe('RDTSC', () => {
  it('is done for the kernel even if user mode may not', () => {
    machine();
    m.cpu.set(ax, 4);
    expect(run(0x0f, 0x22, 0xe0)).toBe(true);
    expect(run(0x0f, 0x31)).toBe(true);
    expect([m.cpu.get(ax), m.cpu.get(dx)]).toEqual([0x2345_6789n, 1n]);
    m.enterUser();
    expect(run(0x0f, 0x31)).toBe(false);
  });

  it('P tells TSC_AUX as well', () => {
    machine();
    m.cpu.set(cx, 0xc000_0103);
    m.cpu.set(ax, 42);
    m.cpu.set(dx, 0);
    expect(run(0x0f, 0x30)).toBe(true);
    expect(m.cpu.timeStampAux).toBe(42);
    expect(run(0x0f, 0x01, 0xf9)).toBe(true);
    expect(m.cpu.get(cx)).toBe(42n);
  });
});

describe('XSETBV', () => {
  it('needs OSXSAVE, and a value the processor has', () => {
    machine();
    m.cpu.set(cx, 0);
    m.cpu.set(dx, 0);
    m.cpu.set(ax, 1 << 18);
    expect(run(0x0f, 0x22, 0xe0)).toBe(true);
    m.cpu.set(ax, 7);
    expect(run(0x0f, 0x01, 0xd1)).toBe(true);
    expect(m.cpu.extendedControl).toBe(7);
    m.cpu.set(ax, 6);
    expect(run(0x0f, 0x01, 0xd1)).toBe(false);
    machine();
    expect(run(0x0f, 0x01, 0xd1)).toBe(false);
    expect(m.cpu.get(ip)).toBe(UD_HANDLER);
  });
});
