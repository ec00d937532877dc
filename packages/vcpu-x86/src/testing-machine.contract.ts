// A bare machine for tests: 1 MiB of RAM, no devices, entered in flat 32-bit or in 64-bit mode (identity map).
import type { Gfn, Mfn } from '@proxeny/memory';
import { assemble } from './asm/index.js';
import { BlockCache } from './block/block-cache.js';
import { X86Cpu } from './cpu.js';
import type { CpuModel } from './cpu-model.js';
import type { CpuPlatform } from './platform.js';
import type { RegionLibrary } from './region/library.js';
import { cpuModel } from './routines/cpu-models.js';

const RAM = 0x200000;
const RAM_BYTES = 0x100000;
/** Machine address for RAM where an i32 is negative: whoever takes an address for a signed number is found out. */
export const HIGH_RAM = 0x8000_0000;
export const CODE = 0x10000;
export const STACK = 0x9000;

export const silentPlatform: CpuPlatform = {
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

export class TestingMachine {
  readonly cpu: X86Cpu;
  readonly ram: Uint8Array;

  /** @param hotThreshold Infinity for the cold tier alone; `more`: regions a module (default 1), shared regions, what is around, and the machine address of RAM */
  constructor(
    text: string,
    bits: 32 | 64,
    hotThreshold: number,
    more: {
      readonly hotBatch?: number;
      readonly library?: RegionLibrary;
      readonly platform?: CpuPlatform;
      readonly ramAt?: number;
    } = {},
  ) {
    const { ramAt = RAM } = more;
    const memory = new WebAssembly.Memory({ initial: (ramAt + RAM_BYTES) / 65536 });
    const blocks = new BlockCache(memory, 0x100000, 0x200000);
    this.cpu = new X86Cpu({
      memory,
      base: 0x10000,
      blocks,
      model: cpuModel('max') as CpuModel,
      platform: silentPlatform,
      stage: { mfnOf: (gfn: Gfn) => (gfn < RAM_BYTES / 4096 ? ((gfn + ramAt / 4096) as Mfn) : -1) },
      hotThreshold,
      hotBatch: 1,
      ...more,
    });
    this.ram = new Uint8Array(memory.buffer, ramAt, RAM_BYTES);
    this.ram.set(assemble(`bits ${bits}\n${text}`, { bits, origin: CODE }).bytes, CODE);
    const view = new DataView(memory.buffer, ramAt);
    // PML4 at 0xa0000, PDPT at 0xa1000, page directory of 2 MiB pages at 0xa2000.
    view.setUint32(0xa0000, 0xa1003, true);
    view.setUint32(0xa1000, 0xa2003, true);
    view.setUint32(0xa2000, 0x83, true);
    const flat = { base: 0, limit: 0xffffffff };
    this.cpu.start({
      mode: bits === 64 ? 'long64' : 'protected32',
      rip: CODE,
      registers: { rsp: STACK },
      cs: { ...flat, selector: 8 },
      data: { ...flat, selector: 16 },
      ...(bits === 64 ? { cr3: 0xa0000 } : {}),
    });
  }
  /** Runs until HLT; false if that does not happen within `slices` slices. */
  run(slices = 1000): boolean {
    for (let i = 0; i < slices && !this.cpu.isHalted; i++) this.cpu.run(10_000);
    return this.cpu.isHalted;
  }
  /** Registers, flags and RAM (without the page tables) as text. */
  summary(): string {
    const { state } = this.cpu;
    const registers: string[] = [];
    for (let r = 0; r < 16; r++) {
      registers.push(`${state.getU(r * 8 + 4).toString(16)}:${state.getU(r * 8).toString(16)}`);
    }
    let hash = 0;
    for (let i = 0; i < 0xa0000; i++) hash = (Math.imul(hash, 31) + this.ram[i]) | 0;
    return `${registers.join(' ')} flags ${state.rflags.toString(16)} rip ${state.rip.toString(16)} ram ${hash}`;
  }
}
