import type { Gfn, Mfn } from '@proxeny/memory';
import { describe, expect, it } from 'vitest';
import { assemble } from './asm/index.js';
import { BlockCache } from './block/block-cache.js';
import { X86Cpu } from './cpu.js';
import type { CpuModel } from './cpu-model.js';
import { Engine } from './engine.js';
import { UD } from './fault.js';
import type { StoreEmulation, TrapDelivery } from './platform.js';
import { cpuModel } from './routines/cpu-models.js';
import { silentPlatform, TestingMachine } from './testing-machine.contract.js';

const RAM = 0x400000;
const RAM_BYTES = 0x100000;
const CODE = 0x10000;
const MACHINE_CODE = 0x500000;
const model = cpuModel('max') as CpuModel;

/** Two CPUs with a megabyte each, but the code's frame in common, on one engine. */
function pair(text: string) {
  const memory = new WebAssembly.Memory({ initial: 0x600000 >> 16 });
  const blocks = new BlockCache(memory, 0x100000, 0x200000);
  const engine = new Engine({ blocks, model, hotThreshold: 20, hotBatch: 1 });
  const { bytes } = assemble(`bits 32\n${text}`, { bits: 32, origin: CODE });
  new Uint8Array(memory.buffer).set(bytes, MACHINE_CODE);
  const cpus = [0, 1].map((i) => {
    const cpu = new X86Cpu({
      memory,
      base: 0x200000 + i * 0x80000,
      engine,
      model,
      platform: silentPlatform,
      stage: {
        mfnOf: (gfn: Gfn) => {
          if (gfn === CODE / 4096) return (MACHINE_CODE / 4096) as Mfn;
          return gfn < 0x80 ? ((gfn + RAM / 4096 + i * 0x80) as Mfn) : -1;
        },
      },
    });
    const flat = { base: 0, limit: 0xffffffff };
    cpu.start({
      mode: 'protected32',
      rip: CODE,
      registers: { rsp: 0x9000 },
      cs: { ...flat, selector: 8 },
      data: { ...flat, selector: 16 },
    });
    return cpu;
  });
  const view = new DataView(memory.buffer);
  const word = (cpu: number, at: number) => view.getUint32(RAM + cpu * 0x80000 + at, true);
  return { cpus, blocks, engine, word, memory };
}

const counting = `
  mov ecx, 200
again:
  inc dword [0x4000]
  add [0x4004], ecx
  dec ecx
  jnz again
  hlt`;

describe('CPUs on one engine', () => {
  it('run each in their own memory, cold and hot, with code translated once', () => {
    const { cpus, blocks, engine, word } = pair(counting);
    for (let turn = 0; turn < 200; turn++) for (const cpu of cpus) if (!cpu.isHalted) cpu.run(50);
    expect(cpus.map((cpu) => cpu.isHalted)).toEqual([true, true]);
    expect([word(0, 0x4000), word(1, 0x4000)]).toEqual([200, 200]);
    expect([word(0, 0x4004), word(1, 0x4004)]).toEqual([20_100, 20_100]);
    expect(engine.hot.counters.compiled).toBe(1);
    expect(blocks.translated).toBeLessThan(8);
  });

  it('see code that one of them changes', () => {
    const { cpus } = pair('mov edx, 1\nhlt');
    for (const cpu of cpus) cpu.run(100);
    const [first, second] = cpus as [X86Cpu, X86Cpu];
    expect([first.state.gpr32(2), second.state.gpr32(2)]).toEqual([1, 1]);
    first.core.mmu.writeU8(CODE + 1, 7, false); // mov edx, 7
    second.start({
      mode: 'protected32',
      rip: CODE,
      registers: {},
      cs: { base: 0, limit: 0xffffffff, selector: 8 },
      data: { base: 0, limit: 0xffffffff, selector: 16 },
    });
    second.run(100);
    expect(second.state.gpr32(2)).toBe(7);
  });
});

it('a CPU has its budget set when it first asks for the time, which may go with what is left of it', () => {
  const left: number[] = [];
  const machine: TestingMachine = new TestingMachine('again: jmp again', 32, Infinity, {
    platform: {
      ...silentPlatform,
      nowNs: () => {
        left.push(machine.cpu.budgetLeft);
        return 0;
      },
    },
  });
  for (const budget of [100, 50]) machine.cpu.run(budget);
  expect(left).toEqual([100, 50]);
});

/** A CPU whose events go to `traps`; 64-bit, at level 3, identity map with one read-only page at 0x5000. */
function guest(text: string, traps: Partial<TrapDelivery>, stores: StoreEmulation | null = null) {
  const memory = new WebAssembly.Memory({ initial: 0x600000 >> 16 });
  const cpu = new X86Cpu({
    memory,
    base: 0x200000,
    blocks: new BlockCache(memory, 0x100000, 0x200000),
    model,
    platform: silentPlatform,
    stage: {
      mfnOf: (gfn: Gfn) => (gfn < RAM_BYTES / 4096 ? ((gfn + RAM / 4096) as Mfn) : -1),
    },
    traps: (core) => ({
      usesTables: false,
      exception: () => false,
      interrupt: () => false,
      software: () => core.state.fault(UD, -1),
      systemCall: () => core.state.fault(UD, -1),
      systemEnter: () => core.state.fault(UD, -1),
      hypervisorCall: () => core.state.fault(UD, -1),
      checkPort: () => 0,
      ...traps,
    }),
  });
  const view = new DataView(memory.buffer, RAM);
  const ram = new Uint8Array(memory.buffer, RAM, RAM_BYTES);
  ram.set(assemble(`bits 64\n${text}`, { bits: 64, origin: CODE }).bytes, CODE);
  for (const at of [0xa0000, 0xb0000]) {
    view.setUint32(at, at + 0x1007, true);
    view.setUint32(at + 0x1000, at + 0x2007, true);
    view.setUint32(at + 0x2000, at + 0x3007, true);
    for (let page = 0; page < 256; page++)
      view.setUint32(at + 0x3000 + page * 8, page * 4096 + (page === 5 ? 5 : 7), true);
  }
  const flat = { base: 0, limit: 0xffffffff };
  cpu.start({
    mode: 'long64',
    rip: CODE,
    registers: { rsp: 0x9000 },
    cs: { ...flat, selector: 0x33 },
    data: { ...flat, selector: 0x2b },
    cr3: 0xa0000,
    level: 3,
  });
  cpu.core.mmu.stores = stores;
  return { cpu, view };
}

describe('a CPU whose events are a hypervisor’s', () => {
  it('hands over SYSCALL with rIP behind it, and leaves run() when asked', () => {
    let calls = 0;
    const rip: number[] = [];
    const m = guest('mov eax, 5\nsyscall\nmov ebx, eax\nsyscall\njmp $', {
      systemCall: () => {
        rip.push(m.cpu.state.rip);
        m.cpu.state.setGpr32(0, 40 + calls++);
        m.cpu.requestExit();
        return 0;
      },
    });
    m.cpu.run(1000);
    expect(calls).toBe(1);
    m.cpu.run(1000);
    expect(rip).toEqual([CODE + 7, CODE + 11]);
    expect(m.cpu.state.gpr32(3)).toBe(40);
  });

  it('hands over faults with rIP at the instruction, and software interrupts behind it', () => {
    const seen: unknown[] = [];
    const m = guest('int 0x20\nhlt\njmp $', {
      software: (vector) => {
        seen.push(['int', vector, m.cpu.state.rip]);
        return 0;
      },
      exception: (vector, errorCode, isFault) => {
        seen.push([vector, errorCode, isFault, m.cpu.state.rip]);
        m.cpu.state.rip += 1;
        return true;
      },
    });
    m.cpu.run(1000);
    expect(seen).toEqual([
      ['int', 0x20, CODE + 2],
      [13, 0, true, CODE + 2],
    ]);
  });

  it('lets stores to read-only pages be emulated, read-modify-write and repeated ones too', () => {
    const stores: number[][] = [];
    const m = guest(
      `mov dword [0x5010], 0x1234
       lock xadd [0x5010], rsp
       mov edi, 0x5020
       mov ecx, 2
       mov eax, 9
       rep stosd
       mov dword [0x5030], 1
       jmp $`,
      {
        exception: (vector, code) => {
          stores.push([vector, code]);
          return false;
        },
      },
      {
        accepts: () => true,
        store: (linear, size, low, high) => {
          stores.push([linear, size, low, high]);
          if (linear === 0x5030) return false;
          m.view.setUint32(linear, low, true);
          if (size === 8) m.view.setUint32(linear + 4, high, true);
          return true;
        },
      },
    );
    m.cpu.run(1000);
    expect(stores).toEqual([
      [0x5010, 4, 0x1234, 0],
      [0x5010, 8, 0xa234, 0],
      [0x5020, 4, 9, 0],
      [0x5024, 4, 9, 0],
      [0x5030, 4, 1, 0],
      [14, 7],
    ]);
  });

  it('keeps the translations of a kernel at level 3 apart from those of its programs', () => {
    const m = guest('mov eax, [0x6000]\nsyscall\njmp $\nmov eax, [0x6000]\nsyscall\njmp $', {
      systemCall: () => {
        m.cpu.requestExit();
        return 0;
      },
    });
    const { core, state } = m.cpu;
    // The other address space has frame 7 at 0x6000.
    m.view.setUint32(0xb3000 + 6 * 8, 0x7007, true);
    m.view.setUint32(0x6000, 66, true);
    m.view.setUint32(0x7000, 77, true);
    const seen: number[] = [];
    for (let turn = 0; turn < 4; turn++) {
      core.guestKernel = turn % 2 === 1;
      state.set64(824, core.guestKernel ? 0xb0000 : 0xa0000);
      core.updateMode();
      state.rip = core.guestKernel ? CODE + 11 : CODE;
      m.cpu.run(100);
      seen.push(state.gpr32(0));
    }
    expect(seen).toEqual([66, 77, 66, 77]);
    // Turns cost no new look at the block cache.
    const { lookups } = m.cpu.counters;
    core.guestKernel = false;
    state.set64(824, 0xa0000);
    core.updateMode();
    state.rip = CODE;
    m.cpu.run(100);
    expect(m.cpu.counters.lookups).toBe(lookups);
  });
});
