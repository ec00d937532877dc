// Single step on the whole CPU: what TF traps, and what it does not (SDM vol. 3B §17.3.1.4).
import type { Gfn, Mfn } from '@proxeny/memory';
import { describe, expect, it } from 'vitest';
import { assemble } from './asm/index.js';
import { BlockCache } from './block/block-cache.js';
import { VCPU_SIZE, X86Cpu } from './cpu.js';
import type { CpuModel } from './cpu-model.js';
import type { CpuPlatform } from './platform.js';
import { cpuModel } from './routines/cpu-models.js';

const RAM = 0x200000;
const silent: CpuPlatform = {
  portRead: () => 0,
  portWrite: () => {},
  mmioRead: () => 0xffffffff,
  mmioWrite: () => {},
  acknowledgeInterrupt: () => -1,
  nowNs: () => 0,
  randomU32: () => 4,
  readTaskPriority: () => 0,
  writeTaskPriority: () => {},
  readMsr: () => false,
  writeMsr: () => false,
};

/** A real-mode machine that runs `text` at 0:0x7c00; the #DB handler counts in [0x500], INT 20h's in [0x502]. */
function run(text: string): { readonly traps: number; readonly calls: number } {
  const memory = new WebAssembly.Memory({ initial: (RAM >> 16) + 32 });
  const blocks = new BlockCache(memory, 0x100000, 0x180000);
  const cpu = new X86Cpu({
    memory,
    base: 0x10000,
    blocks,
    model: cpuModel('max') as CpuModel,
    platform: silent,
    stage: { mfnOf: (gfn: Gfn) => (gfn < 256 ? ((gfn + RAM / 4096) as Mfn) : -1) },
  });
  expect(VCPU_SIZE).toBeLessThan(0xf0000);
  const ram = new Uint8Array(memory.buffer, RAM, 0x100000);
  const put = (at: number, source: string): void => {
    ram.set(assemble(`bits 16\n${source}`, { bits: 16, origin: at }).bytes, at);
  };
  put(0x7c00, text);
  put(0x600, 'inc word [0x500]\niret');
  put(0x640, 'inc word [0x502]\niret');
  new DataView(memory.buffer).setUint16(RAM + 4, 0x600, true);
  new DataView(memory.buffer).setUint16(RAM + 0x80, 0x640, true);
  const data = { selector: 0, base: 0, limit: 0xffff };
  cpu.start({ mode: 'real', rip: 0x7c00, registers: { rsp: 0x7000 }, cs: data, data });
  for (let i = 0; i < 100 && !cpu.isHalted; i++) cpu.run(100);
  expect(cpu.isHalted).toBe(true);
  return { traps: ram[0x500], calls: ram[0x502] };
}
const setTf = 'pushf\npop ax\nor ax, 0x100\npush ax\npopf\n';
const clearTf = 'pushf\npop ax\nand ax, 0xfeff\npush ax\npopf\n';

describe('TF', () => {
  it('traps after each instruction that started with it set', () => {
    // nop, nop, pushf, pop, and, push, popf: seven instructions.
    expect(run(`${setTf}nop\nnop\n${clearTf}hlt`)).toEqual({ traps: 7, calls: 0 });
  });
  it('does not trap after INT n, nor inside its handler', () => {
    expect(run(`${setTf}int 0x20\n${clearTf}hlt`)).toEqual({ traps: 5, calls: 1 });
  });
  it('traps once for MOV SS and the instruction behind it', () => {
    expect(run(`xor bx, bx\n${setTf}mov ss, bx\nnop\n${clearTf}hlt`)).toEqual({
      traps: 6,
      calls: 0,
    });
  });
  it('traps after every iteration of a repeated string instruction', () => {
    expect(run(`mov cx, 3\nmov di, 0x900\n${setTf}rep stosb\n${clearTf}hlt`)).toEqual({
      traps: 8,
      calls: 0,
    });
  });
});
