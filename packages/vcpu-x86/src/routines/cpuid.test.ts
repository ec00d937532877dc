import { describe, expect, it } from 'vitest';
import { MSR_TSC_ADJUST } from '../state/layout.js';
import { TSC_HZ } from '../state/system-layout.js';
import { cpuModel, cpuModelNames } from './cpu-models.js';
import { cpuidLeaf } from './cpuid.js';
import { SystemMachine } from './system-machine.contract.js';

const letters = (...words: number[]): string =>
  words
    .map((w) => String.fromCharCode(w & 255, (w >> 8) & 255, (w >> 16) & 255, (w >>> 24) & 255))
    .join('');

describe('CPUID', () => {
  it('introduces the vendor and the hypervisor', () => {
    const m = new SystemMachine();
    const [max, b, c, d] = cpuidLeaf(m.core, 0, 0);
    expect(max).toBe(0x16);
    expect(letters(b, d, c)).toBe('GenuineIntel');
    expect(cpuidLeaf(m.core, 1, 0)[2] >>> 31).toBe(1);
    const h = cpuidLeaf(m.core, 0x40000000, 0);
    expect(letters(h[1], h[2], h[3])).toBe('ProxenyVMM  ');
  });
  it('advertises exactly what the model has', () => {
    for (const name of cpuModelNames) {
      const { core } = new SystemMachine(name);
      const edx = cpuidLeaf(core, 1, 0)[3];
      expect([name, (edx >> 26) & 1]).toEqual([name, core.model.features.has('sse2') ? 1 : 0]);
      const [extended] = cpuidLeaf(core, 0x80000000, 0);
      if (core.model.features.has('lm'))
        expect(cpuidLeaf(core, 0x80000001, 0)[3] & 0x20000000).not.toBe(0);
      else expect(extended >>> 0 < 0x80000001).toBe(true);
      // Never AVX: there is none.
      expect(cpuidLeaf(core, 1, 0)[2] & 0x10000000).toBe(0);
    }
    const small = cpuModel('max', ['-sse42', '+bmi1']);
    expect([small?.features.has('sse42'), small?.features.has('bmi1')]).toEqual([false, true]);
  });
  it('writes all four registers and clears their upper halves', () => {
    const m = new SystemMachine();
    m.enterLong();
    m.state.setHalves(0, 0x80000008, 0x1234);
    expect(m.execute('cpuid')).toBeNull();
    expect(m.state.gpr64(0)).toBe(40 | (48 << 8));
    expect(m.state.gpr64(3)).toBe(0);
  });
  it('tells the TSC frequency that RDTSC runs at', () => {
    const m = new SystemMachine();
    m.protect();
    m.state.setF64(TSC_HZ, 2.5e9);
    const [eax, ebx, ecx] = cpuidLeaf(m.core, 0x15, 0);
    expect((ecx * ebx) / eax).toBe(2.5e9);
    m.nowNs = 1000;
    expect(m.execute('rdtsc')).toBeNull();
    expect(m.state.gpr32(0)).toBe(2500);
  });
});

describe('model-specific registers', () => {
  const access = (m: SystemMachine, index: number, low?: number, high = 0): unknown => {
    m.state.setGpr32(1, index);
    if (low === undefined) {
      const fault = m.execute('rdmsr');
      return fault ?? [m.state.gpr32(0), m.state.gpr32(2)];
    }
    m.state.setGpr32(0, low);
    m.state.setGpr32(2, high);
    return m.execute('wrmsr');
  };
  it('keep the counter exact across 64 bits', () => {
    const m = new SystemMachine();
    m.protect();
    m.nowNs = 2 ** 33 + 5;
    expect(access(m, 0x10, -1, -1)).toBeNull();
    expect(access(m, 0x10)).toEqual([0xffffffff, 0xffffffff]);
    m.nowNs += 3;
    expect(access(m, 0x10)).toEqual([2, 0]);
    expect(m.state.get(MSR_TSC_ADJUST + 4)).toBe(-3);
  });
  it('fault when unknown, not canonical or reserved', () => {
    const m = new SystemMachine();
    m.protect();
    expect(access(m, 0x12345)).toEqual([13, 0]);
    expect(access(m, 0xc0000100, 0, 0x8000)).toEqual([13, 0]);
    expect(access(m, 0xc0000080, 2)).toEqual([13, 0]);
    expect(access(m, 0x277, 2)).toEqual([13, 0]);
    expect(access(m, 0x2ff, 0xc06)).toBeNull();
    expect(access(m, 0x2ff)).toEqual([0xc06, 0]);
    expect(access(m, 0xfe)).toEqual([0x508, 0]);
    m.level(3);
    expect(access(m, 0x10)).toEqual([13, 0]);
  });
  it('do not exist on a 486', () => {
    const m = new SystemMachine('486');
    m.protect();
    expect(access(m, 0x10)).toEqual([6, -1]);
    expect(m.execute('rdtsc')).toEqual([6, -1]);
  });
});
