// Ports of page-table guests: IN, OUT, INS, OUTS, CLI and STI, and what is no privileged instruction.
import { __HYPERVISOR_physdev_op, PHYSDEVOP_set_iobitmap } from '@proxeny/abi';
import { CpuRegister } from '@proxeny/hv-core';
import { afterEach, describe, expect, it } from 'vitest';
import * as guest from './privileged-guest.js';
import { GP_HANDLER } from './privileged-guest.js';
import { CODE, HANDLER, RECORD, type TrapMachine } from './trap-machine.js';

const { ax, cx, dx, si, di, ip, flags, dr6 } = CpuRegister;
let m: TrapMachine;
afterEach(() => expect(m.finish()).toEqual([]));

function machine(word: 32 | 64 = 64): TrapMachine {
  m = guest.privilegedGuest(word);
  return m;
}
const run = (...bytes: readonly number[]): boolean => guest.runPrivileged(m, ...bytes);
const allowPorts = (level = 1): void => guest.allowPorts(m, level);

describe('IN and OUT', () => {
  it('read ones and write nothing, where IOPL lets the kernel', () => {
    machine();
    allowPorts();
    m.cpu.set(ax, 0x1111_1111_1111_1111n);
    expect(run(0xe4, 0x42)).toBe(true); // in al, 0x42
    expect(m.cpu.get(ax)).toBe(0x1111_1111_1111_11ffn);
    m.cpu.set(dx, 0x3f8);
    expect(run(0x66, 0xed)).toBe(true); // in ax, dx
    expect(m.cpu.get(ax)).toBe(0x1111_1111_1111_ffffn);
    expect(run(0xed)).toBe(true); // in eax, dx
    expect(m.cpu.get(ax)).toBe(0xffff_ffffn);
    expect(run(0xee)).toBe(true); // out dx, al
    expect(run(0xe7, 0x80)).toBe(true); // out 0x80, eax
  });

  it('are the guest’s #GP without IOPL', () => {
    machine();
    expect(run(0xe4, 0x42)).toBe(false);
    expect([m.cpu.get(ip), m.stack(3)[2]]).toEqual([GP_HANDLER, 0n]);
  });

  it('of user mode need IOPL 3', () => {
    machine();
    allowPorts(1);
    m.enterUser();
    expect(run(0xec)).toBe(false);
    m = machine();
    allowPorts(3);
    m.enterUser();
    expect(run(0xec)).toBe(true);
  });

  it('of user mode go by the bitmap, which the kernel’s page tables have', () => {
    machine();
    m.write64(RECORD, 0x5000, 0x400);
    expect(m.call(__HYPERVISOR_physdev_op, PHYSDEVOP_set_iobitmap, RECORD)).toBe(0);
    m.write(0x5000 + 0x3f8 / 8, [0b1111_1110]);
    m.enterUser();
    m.cpu.set(dx, 0x3f8);
    expect(run(0xec)).toBe(true); // port 3F8
    m.cpu.set(dx, 0x3f9);
    expect(run(0xec)).toBe(false);
  });

  it('beyond the bitmap are #GP', () => {
    machine();
    m.write64(RECORD, 0x5000, 0x3f8);
    expect(m.call(__HYPERVISOR_physdev_op, PHYSDEVOP_set_iobitmap, RECORD)).toBe(0);
    m.cpu.set(dx, 0x3f8);
    expect(run(0xec)).toBe(false);
  });

  it('keep the index of the CMOS clock and PCI’s address, and nothing behind them', () => {
    machine();
    allowPorts();
    m.cpu.set(ax, 0x8f);
    expect(run(0xe6, 0x70)).toBe(true);
    m.cpu.set(ax, 0);
    expect(run(0xe4, 0x70)).toBe(true);
    expect(m.cpu.get(ax)).toBe(0x8fn);
    expect(run(0xe4, 0x71)).toBe(true);
    expect(m.cpu.get(ax)).toBe(0xffn);
    m.cpu.set(dx, 0xcf8);
    m.cpu.set(ax, 0x8000_1234);
    expect(run(0xef)).toBe(true);
    m.cpu.set(ax, 0);
    expect(run(0xed)).toBe(true);
    expect(m.cpu.get(ax)).toBe(0x8000_1234n);
    m.cpu.set(dx, 0xcfc);
    expect(run(0xed)).toBe(true);
    expect(m.cpu.get(ax)).toBe(0xffff_ffffn);
  });

  it('of a 32-bit guest work at ring 1', () => {
    machine(32);
    allowPorts();
    m.cpu.set(dx, 0x60);
    expect(run(0xec)).toBe(true);
    expect(m.cpu.get(ax) & 0xffn).toBe(0xffn);
  });
});

describe('INS and OUTS', () => {
  it('fill memory with ones, counting down RCX', () => {
    machine();
    allowPorts();
    m.cpu.set(di, 0x5000);
    m.cpu.set(cx, 3);
    m.cpu.set(dx, 0x1f0);
    expect(run(0xf3, 0x66, 0x6d)).toBe(true); // rep insw
    expect([...m.read(0x5000, 7)]).toEqual([255, 255, 255, 255, 255, 255, 0]);
    expect([m.cpu.get(di), m.cpu.get(cx)]).toEqual([0x5006n, 0n]);
  });

  it('go downwards with DF', () => {
    machine();
    allowPorts();
    m.cpu.set(flags, 0x602);
    m.cpu.set(si, 0x5004);
    m.cpu.set(cx, 2);
    expect(run(0xf3, 0x6f)).toBe(true); // rep outsd
    expect([m.cpu.get(si), m.cpu.get(cx)]).toEqual([0x4ffcn, 0n]);
  });

  it('fault where the memory is not mapped, with what was done kept', () => {
    machine();
    allowPorts();
    m.cpu.set(di, 24 * 4096 - 2);
    m.cpu.set(cx, 10);
    run(0xf3, 0x6c); // rep insb
    expect(m.cpu.get(ip)).toBe(BigInt(HANDLER + 14 * 16));
    expect([m.pv.cr2Low, m.stack(3)[2]]).toEqual([24 * 4096, 2n]);
    expect(m.cpu.get(cx)).toBe(8n);
  });

  it('of many elements go on with the same instruction', () => {
    machine();
    allowPorts();
    m.cpu.set(si, 0x5000);
    m.cpu.set(cx, 300);
    m.code(0xf3, 0x6e);
    m.exception(13, 0);
    expect([m.cpu.get(ip), m.cpu.get(cx)]).toEqual([BigInt(CODE), 44n]);
    m.exception(13, 0);
    expect([m.cpu.get(ip), m.cpu.get(cx)]).toEqual([BigInt(CODE + 2), 0n]);
  });

  it('without a count do nothing', () => {
    machine();
    allowPorts();
    m.cpu.set(cx, 0);
    expect(run(0xf3, 0x6c)).toBe(true);
  });
});

describe('CLI and STI', () => {
  it('do nothing where IOPL allows them, not even to the mask', () => {
    machine();
    allowPorts();
    expect(run(0xfa)).toBe(true);
    expect(run(0xfb)).toBe(true);
    expect(m.isMasked).toBe(true);
  });

  it('are #GP without IOPL', () => {
    machine();
    expect(run(0xfa)).toBe(false);
    expect(m.cpu.get(ip)).toBe(GP_HANDLER);
  });
});

describe('an emulated instruction', () => {
  it('ends a single step with #DB behind it', () => {
    machine();
    m.cpu.set(flags, 0x302);
    run(0x0f, 0x31);
    expect(m.cpu.get(ip)).toBe(BigInt(HANDLER + 16));
    expect(m.stack(3)[2]).toBe(BigInt(CODE + 2));
    expect(m.cpu.get(dr6) & 0x4000n).toBe(0x4000n);
  });

  it('may have prefixes', () => {
    machine();
    allowPorts();
    expect(run(0x67, 0x2e, 0x48, 0xec)).toBe(true);
  });

  it.each([
    ['HLT', [0xf4]],
    ['INVD', [0x0f, 0x08]],
    ['INVLPG', [0x0f, 0x01, 0x38]],
    ['LGDT', [0x0f, 0x01, 0x10]],
    ['LMSW', [0x0f, 0x01, 0xf0]],
    ['LTR', [0x0f, 0x00, 0xd8]],
    ['RDPMC', [0x0f, 0x33]],
    ['SWAPGS', [0x0f, 0x01, 0xf8]],
    ['SYSRET', [0x0f, 0x07]],
  ])('is not %s: that is the guest’s #GP', (_, bytes) => {
    machine();
    expect(run(...bytes)).toBe(false);
    expect([m.cpu.get(ip), m.stack(3)[2]]).toEqual([GP_HANDLER, 0n]);
  });

  it('WBINVD does nothing in the kernel, and is #GP in user mode', () => {
    machine();
    expect(run(0x0f, 0x09)).toBe(true);
    m.enterUser();
    expect(run(0x0f, 0x09)).toBe(false);
  });

  it('is not looked for where the #GP has an error code', () => {
    machine();
    m.code(0x0f, 0x31);
    m.exception(13, 0x18);
    expect([m.cpu.get(ip), m.stack(3)[2]]).toEqual([GP_HANDLER, 0x18n]);
  });
});
