// What the run loop remembers of code translations over TLB flushes (SDM vol. 3A §4.10.4.1): enough to be fast, never stale.
import type { Gfn, Mfn } from '@proxeny/memory';
import { describe, expect, it } from 'vitest';
import { assemble } from './asm/index.js';
import { BlockCache } from './block/block-cache.js';
import { X86Cpu } from './cpu.js';
import type { CpuModel } from './cpu-model.js';
import type { CpuPlatform } from './platform.js';
import { cpuModel } from './routines/cpu-models.js';
import { GPR } from './state/layout.js';

const RAM = 0x200000;
const DIRECTORY = 0x10000;
const TABLE = 0x11000;
const GLOBAL = 0x100;
const LARGE = 0x80;
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

/** 32-bit paging, CR4.PGE and CR4.PSE on. The program at 7000h; `one` at 20000h and `two` at 21000h (physical) are functions. */
function run(text: string, flags: number): { readonly eax: number; readonly lookups: number } {
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
  const ram = new Uint8Array(memory.buffer, RAM, 0x100000);
  const words = new DataView(memory.buffer, RAM, 0x100000);
  const put = (at: number, source: string): void => {
    ram.set(assemble(source, { bits: 32, origin: at }).bytes, at);
  };
  words.setUint32(DIRECTORY, TABLE | 7, true);
  words.setUint32(DIRECTORY + 4, LARGE | flags | 7, true); // 4 MiB: all of RAM
  for (let i = 0; i < 256; i++) words.setUint32(TABLE + i * 4, (i << 12) | flags | 7, true);
  put(0x20000, 'add eax, 1\nret');
  put(0x21000, 'add eax, 100h\nret');
  put(
    0x7000,
    `mov eax, 90h\nmov cr4, eax\nmov eax, ${DIRECTORY}\nmov cr3, eax\nmov eax, cr0\nor eax, 80000000h
    mov cr0, eax\nxor eax, eax\nmov esi, 20000h\nmov ecx, 500\n${text}\nhlt`,
  );
  const flat = { selector: 8, base: 0, limit: 0xffffffff };
  cpu.start({
    mode: 'protected32',
    rip: 0x7000,
    registers: { rsp: 0x6000 },
    cs: flat,
    data: { ...flat, selector: 16 },
  });
  for (let i = 0; i < 100 && !cpu.isHalted; i++) cpu.run(10000);
  expect(cpu.isHalted).toBe(true);
  return { eax: cpu.state.get(GPR), lookups: cpu.counters.lookups };
}
const loop = (body: string): string => `again:\ncall esi\n${body}\ndec ecx\njnz again`;
/** Maps the page at 20000h to the frame of `two`. */
const remap = (flags: number): string => `mov dword [${TABLE + 0x20 * 4}], ${0x21007 | flags}`;

describe('INVLPG', () => {
  it('of a page that holds no code keeps the translations of code', () => {
    const { eax, lookups } = run(loop('invlpg [50000h]'), 0);
    expect(eax).toBe(500);
    expect(lookups).toBeLessThan(30);
  });
  it('of a remapped page of code, global or not, reaches the new code', () => {
    for (const flags of [0, GLOBAL]) {
      const { eax } = run(`call esi\n${remap(flags)}\ninvlpg [20000h]\ncall esi`, flags);
      expect(eax).toBe(0x101);
    }
  });
  it('of any address in a large page reaches the new code behind all of it', () => {
    const text = `add esi, 400000h\ncall esi\nmov dword [${DIRECTORY + 4}], ${TABLE | 7}
      ${remap(0)}\ninvlpg [7ff000h]\ncall esi`;
    expect(run(text, GLOBAL).eax).toBe(0x101);
  });
});

describe('MOV to CR3', () => {
  const reload = 'mov ebx, cr3\nmov cr3, ebx';
  it('keeps the translations of global code', () => {
    const { eax, lookups } = run(loop(reload), GLOBAL);
    expect(eax).toBe(500);
    expect(lookups).toBeLessThan(30);
  });
  it('forgets those of other code', () => {
    expect(run(`call esi\n${remap(0)}\n${reload}\ncall esi`, 0).eax).toBe(0x101);
    expect(run(loop(reload), 0).lookups).toBeGreaterThan(1000);
  });
});
