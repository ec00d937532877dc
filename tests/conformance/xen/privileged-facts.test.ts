// CPUID with and without its prefix, and model-specific registers of page-table guests.
import { CpuRegister } from '@proxeny/hv-core';
import { afterEach, describe, expect, it } from 'vitest';
import * as guest from './privileged-guest.js';
import { UD_HANDLER } from './privileged-guest.js';
import { CODE, TrapMachine, USER_CODE } from './trap-machine.js';

const { ax, bx, cx, dx, ip, sp, gsBase, fsBase } = CpuRegister;
let m: TrapMachine;
afterEach(() => expect(m.finish()).toEqual([]));

function machine(word: 32 | 64 = 64): TrapMachine {
  m = guest.privilegedGuest(word);
  return m;
}
const run = (...bytes: readonly number[]): boolean => guest.runPrivileged(m, ...bytes);

describe('CPUID', () => {
  const leaf = (number: number, sub = 0): bigint[] => {
    m.cpu.set(ax, number);
    m.cpu.set(cx, sub);
    m.act(() => m.traps.cpuid());
    return [ax, bx, cx, dx].map((register) => m.cpu.get(register));
  };

  it('ends at leaf 0xD and 0x80000008', () => {
    machine();
    expect(leaf(0)).toEqual([0xdn, 0x756e_6547n, 0x6c65_746en, 0x4965_6e69n]);
    expect(leaf(0x8000_0000)[0]).toBe(0x8000_0008n);
    expect(leaf(0x15)).toEqual([0n, 0n, 0n, 0n]);
  });

  it('hides what works in ring 0 only, and tells of the hypervisor', () => {
    machine();
    const [, ebx = 0n, ecx = 0n, edx = 0n] = leaf(1);
    expect(ebx >> 24n).toBe(0n);
    expect((ecx >> 31n) & 1n).toBe(1n);
    expect(ecx & ((1n << 5n) | (1n << 17n) | (1n << 21n) | (1n << 27n))).toBe(0n);
    expect(edx & ((1n << 1n) | (1n << 3n) | (1n << 12n) | (1n << 13n) | (1n << 17n))).toBe(0n);
    const [, seven = 0n] = leaf(7);
    expect(seven & ((1n << 7n) | (1n << 20n) | (1n << 10n))).toBe(0n);
    expect(seven & 1n).toBe(1n);
  });

  it('has Xen’s leaves', () => {
    machine();
    const [last, ...signature] = leaf(0x4000_0000);
    const text = new TextDecoder().decode(
      new Uint8Array(new Uint32Array(signature.map(Number)).buffer),
    );
    expect([last, text]).toEqual([0x4000_0005n, 'XenVMMXenVMM']);
    expect(leaf(0x4000_0001)[0]).toBe((4n << 16n) | 17n);
    expect(leaf(0x4000_0002)).toEqual([1n, 0x4000_0000n, 1n, 0n]);
    expect(leaf(0x4000_0003)[2]).toBe(1_000_000n);
    expect(leaf(0x4000_0004)).toEqual([0n, 0n, 0n, 0n]);
    expect(leaf(0x4000_0006)).toEqual([0n, 0n, 0n, 0n]);
  });

  it('behind the prefix tells the kernel of OSXSAVE that it has not set', () => {
    machine();
    m.cpu.set(ax, 1);
    m.code(0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2);
    m.exception(6);
    expect(m.cpu.get(ip)).toBe(BigInt(CODE + 7));
    expect((m.cpu.get(cx) >> 27n) & 1n).toBe(1n);
    expect((leaf(1)[2] as bigint) & (1n << 27n)).toBe(0n);
  });

  it('is all the prefix is good for', () => {
    machine();
    m.code(0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x90, 0x90);
    m.exception(6);
    expect(m.cpu.get(ip)).toBe(UD_HANDLER);
  });

  it('behind the prefix works in user mode', () => {
    machine();
    m.enterUser();
    m.cpu.set(ax, 0x4000_0001);
    m.code(0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2);
    m.exception(6);
    expect([m.cpu.get(ip), m.cpu.get(ax)]).toEqual([BigInt(USER_CODE + 7), 0x4_0011n]);
  });
});

describe('MSRs', () => {
  const read = (index: number): bigint | null => {
    m.cpu.set(cx, index);
    if (!run(0x0f, 0x32)) return null;
    return (m.cpu.get(dx) << 32n) | m.cpu.get(ax);
  };
  const write = (index: number, value: bigint): boolean => {
    m.cpu.set(cx, index);
    m.cpu.set(ax, value & 0xffff_ffffn);
    m.cpu.set(dx, value >> 32n);
    return run(0x0f, 0x30);
  };

  it('hold the segment bases, which must be addresses', () => {
    machine();
    expect(write(0xc000_0101, 0xffff_8880_1234_5678n)).toBe(true);
    expect(m.cpu.get(gsBase)).toBe(0xffff_8880_1234_5678n);
    expect(write(0xc000_0100, 0x1234n)).toBe(true);
    expect(m.cpu.get(fsBase)).toBe(0x1234n);
    expect(write(0xc000_0102, 0x4321n)).toBe(true);
    expect([read(0xc000_0100), read(0xc000_0101), read(0xc000_0102)]).toEqual([
      0x1234n,
      0xffff_8880_1234_5678n,
      0x4321n,
    ]);
    expect(write(0xc000_0101, 0x8000_0000_0000n)).toBe(false);
  });

  it('EFER takes only what it is', () => {
    machine();
    const efer = read(0xc000_0080) as bigint;
    expect(efer).toBe(0xd01n);
    expect(write(0xc000_0080, efer)).toBe(true);
    expect(write(0xc000_0080, efer | 2n)).toBe(false);
    machine(32);
    expect(read(0xc000_0080)).toBe(0x800n);
  });

  it.each([
    ['APIC_BASE of the boot CPU', 0x1b, 0xfee0_0900n],
    ['PAT', 0x277, 0x0501_0007_0406n],
    ['MISC_ENABLE without counters and MONITOR', 0x1a0, 0x80_1801n],
    ['the microcode revision', 0x8b, 0x21n],
    ['ARCH_CAPABILITIES', 0x10a, 0x2bn],
    ['TSC', 0x10, 0x1_2345_6789n],
    ['MCG_CAP', 0x179, 0x100_0802n],
    ['MC0_CTL', 0x400, 0xffff_ffff_ffff_ffffn],
    ['MC0_STATUS', 0x401, 0n],
    ['PLATFORM_INFO', 0xce, 0n],
    ['the hypercall page', 0x4000_0000, 0n],
  ])('%s reads', (_, index, value) => {
    machine();
    expect(read(index)).toBe(value);
  });

  it.each([
    ['LSTAR', 0xc000_0082],
    ['STAR', 0xc000_0081],
    ['SYSENTER_EIP', 0x176],
    ['x2APIC', 0x802],
    ['XSS', 0xda0],
    ['DEBUGCTL', 0x1d9],
    ['VM_HSAVE_PA', 0xc001_0117],
  ])('%s is #GP', (_, index) => {
    machine();
    expect(read(index)).toBeNull();
    machine();
    expect(write(index, 0n)).toBe(false);
  });

  it('that exist read as 0 for a kernel without a handler of #GP', () => {
    m = new TrapMachine();
    expect(read(0xc000_0082)).toBe(0n);
    expect(read(0xc000_0081)).toBeNull();
    expect(m.domain.crashMessage).toContain('unhandled exception 13');
  });

  it('lose writes to MISC_ENABLE and refuse those to APIC_BASE', () => {
    machine();
    expect(write(0x1a0, 1n)).toBe(true);
    expect(read(0x1a0)).toBe(0x80_1801n);
    expect(write(0x1b, 0xfee0_0900n)).toBe(false);
  });

  it('write the hypercall page into a frame of the guest’s', () => {
    machine();
    const mfn = m.memory.mfns[5] as number;
    expect(write(0x4000_0000, BigInt(mfn) << 12n)).toBe(true);
    expect([...m.read(0x5000 + 17 * 32, 8)]).toEqual([0x51, 0x41, 0x53, 0xb8, 17, 0, 0, 0]);
    expect(write(0x4000_0000, BigInt(m.memory.mfns[8] as number) << 12n)).toBe(false);
  });

  it('are not for user mode', () => {
    machine();
    m.enterUser();
    expect(read(0x1b)).toBeNull();
    expect(m.cpu.get(sp)).toBeLessThan(0x8000n);
  });
});
