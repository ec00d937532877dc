// A CPU with 1 MiB of memory in flat 32-bit or 64-bit mode, in an endless loop from our assembler: what run() costs, nothing around it.
import type { Gfn, Gpa, Mfn } from '@proxeny/memory';
import { assemble } from '../../packages/vcpu-x86/src/asm/assembler.js';
import { BlockCache } from '../../packages/vcpu-x86/src/block/block-cache.js';
import { X86Cpu } from '../../packages/vcpu-x86/src/cpu.js';
import type { CpuModel } from '../../packages/vcpu-x86/src/cpu-model.js';
import { TLB_ENTRIES } from '../../packages/vcpu-x86/src/mmu/tlb.js';
import { cpuModel } from '../../packages/vcpu-x86/src/routines/cpu-models.js';

const RAM = 0x400000;
const RAM_BYTES = 0x100000;
const GDT = 0x1000;
export const IDT = 0x2000;
const PAGE_TABLES = 0x10000;
const CODE = 0x20000;

/** Where 64-bit code has the first 2 MiB again: pages there have the same places in the TLB. */
export const AGAIN: number = TLB_ENTRIES * 4096;

export interface LoopGuest {
  readonly cpu: X86Cpu;
  readonly ram: DataView;
}

/**
 * @param text the loop, at 20000h; data may lie from 40000h on, the stack ends at 80000h
 * @param hotTier whether hot regions are compiled
 */
export function loopGuest(bits: 32 | 64, text: string, hotTier: boolean): LoopGuest {
  const memory = new WebAssembly.Memory({ initial: (RAM + RAM_BYTES) >> 16 });
  const cpu = new X86Cpu({
    memory,
    base: 0x10000,
    blocks: new BlockCache(memory, 0x200000, RAM),
    model: cpuModel('max') as CpuModel,
    ...(hotTier ? {} : { hotThreshold: Infinity }),
    platform: {
      portRead: () => 0,
      portWrite: () => {},
      mmioRead: (_at: Gpa) => 0,
      mmioWrite: () => {},
      acknowledgeInterrupt: () => -1,
      nowNs: () => 0,
      randomU32: () => 4,
      readTaskPriority: () => 0,
      writeTaskPriority: () => {},
      readMsr: () => false,
      writeMsr: () => false,
    },
    stage: {
      mfnOf: (gfn: Gfn) => (gfn < RAM_BYTES / 4096 ? ((gfn + RAM / 4096) as Mfn) : (-1 as Mfn)),
    },
  });
  const ram = new DataView(memory.buffer, RAM, RAM_BYTES);
  // Null, code, data
  ram.setBigUint64(GDT + 8, bits === 64 ? 0x00af9b000000ffffn : 0x00cf9b000000ffffn, true);
  ram.setBigUint64(GDT + 16, 0x00cf93000000ffffn, true);
  if (bits === 64) {
    // One 2 MiB page, identity, the same again farther on, and one that no frame backs
    ram.setUint32(PAGE_TABLES + 0x2000 + (AGAIN >>> 21) * 8, 0x83, true);
    ram.setUint32(PAGE_TABLES, (PAGE_TABLES + 0x1000) | 3, true);
    ram.setUint32(PAGE_TABLES + 0x1000, (PAGE_TABLES + 0x2000) | 3, true);
    ram.setUint32(PAGE_TABLES + 0x2000, 0x83, true);
    ram.setUint32(PAGE_TABLES + 0x2008, 0x200083, true);
  }
  const prologue = `mov ${bits === 64 ? 'rax' : 'eax'}, 0x620\nmov cr4, ${bits === 64 ? 'rax' : 'eax'}\n`; // SSE and (long mode) PAE
  const { bytes } = assemble(prologue + text, { bits, origin: CODE });
  new Uint8Array(memory.buffer, RAM, RAM_BYTES).set(bytes, CODE);
  for (let at = 0x40000; at < 0x60000; at += 8) ram.setFloat64(at, 1.5, true);
  const flat = { selector: 8, base: 0, limit: 0xffffffff };
  cpu.start({
    mode: bits === 64 ? 'long64' : 'protected32',
    rip: CODE,
    registers: { rsp: 0x80000, rsi: 0x40000, rdi: 0x50000 },
    cs: flat,
    data: { ...flat, selector: 16 },
    gdt: { base: GDT, limit: 0x17 },
    idt: { base: IDT, limit: 0xfff },
    ...(bits === 64 ? { cr3: PAGE_TABLES } : {}),
  });
  return { cpu, ram };
}
