import type { Gfn, Mfn } from '@proxeny/memory';
import { beforeEach, describe, expect, it } from 'vitest';
import { assemble } from './asm/index.js';
import { BlockCache } from './block/block-cache.js';
import { X86Cpu } from './cpu.js';
import type { CpuModel } from './cpu-model.js';
import { staleTranslations } from './debug/stale-translations.js';
import { Monitor } from './monitor.js';
import { cpuModel } from './routines/cpu-models.js';
import { silentPlatform } from './testing-machine.contract.js';

const RAM = 0x400000;
const RAM_BYTES = 0x100000;
const CODE = 0x10000;
/** Descriptors by selector index, at the machine address RAM + 0x8000. */
const TABLE = RAM + 0x8000;
const CODE64 = 0x33;
const DATA64 = 0x2b;
const CODE32 = 0x23;
const ABSENT = 0x3b;
const SYSTEM = 0x43;

let cpu: X86Cpu;
let monitor: Monitor;
let view: DataView;

beforeEach(() => {
  const memory = new WebAssembly.Memory({ initial: 0x500000 >> 16 });
  view = new DataView(memory.buffer);
  cpu = new X86Cpu({
    memory,
    base: 0x200000,
    blocks: new BlockCache(memory, 0x100000, 0x200000),
    model: cpuModel('max') as CpuModel,
    platform: silentPlatform,
    stage: { mfnOf: (gfn: Gfn) => (gfn < RAM_BYTES / 4096 ? ((gfn + RAM / 4096) as Mfn) : -1) },
  });
  cpu.core.descriptors = {
    find: (selector, into) => {
      const offset = selector & 0xfff8;
      if (offset >= 0x50) return false;
      into.at = TABLE + offset;
      into.low = view.getInt32(into.at, true);
      into.high = view.getInt32(into.at + 4, true);
      return true;
    },
    markAccessed: ({ at, high }) => view.setInt32(at + 4, high, true),
  };
  const descriptor = (selector: number, high: number): void => {
    view.setUint32(TABLE + (selector & 0xfff8), 0xffff, true);
    view.setUint32(TABLE + (selector & 0xfff8) + 4, high, true);
  };
  descriptor(CODE32, 0xcffa00);
  descriptor(DATA64, 0xcff300);
  descriptor(CODE64, 0xaffb00);
  descriptor(ABSENT, 0xaf7b00);
  descriptor(SYSTEM, 0xcf8900);
  for (let i = 0; i < 3; i++) view.setUint32(RAM + 0xa0000 + i * 4096, 0xa1007 + i * 4096, true);
  for (let page = 0; page < 256; page++)
    view.setUint32(RAM + 0xa3000 + page * 8, page * 4096 + 7, true);
  monitor = new Monitor(cpu.core);
  monitor.start(64);
  monitor.setPageTables(0xa0000, true);
  monitor.write(16, CODE, 0);
  monitor.write(4, 0x9000, 0);
  expect(monitor.returnTo(CODE64, DATA64)).toBe(0);
});

describe('a monitored CPU', () => {
  it('runs at level 3 with interrupts on and I/O privilege 0, whatever flags are written', () => {
    monitor.write(17, 0x3dff, 0);
    expect(monitor.readLow(17) & 0x3300).toBe(0x300);
    expect(cpu.core.cpl).toBe(3);
    expect(cpu.core.mode64).toBe(true);
  });

  it('returns to 32-bit code by its descriptor, and marks it accessed', () => {
    expect(monitor.returnTo(CODE32, DATA64)).toBe(0);
    expect(cpu.core.mode64).toBe(false);
    expect(view.getUint32(TABLE + (CODE32 & 0xfff8) + 4, true)).toBe(0xcffb00);
  });

  it.each([
    ['a null code segment', 0, DATA64, 13 * 0x10000],
    ['a data segment as code', DATA64, DATA64, 13 * 0x10000 + 0x28],
    ['a code segment that is not present', ABSENT, DATA64, 11 * 0x10000 + 0x38],
    ['a selector beyond the table', 0x53, DATA64, 13 * 0x10000 + 0x50],
    ['a system segment as stack', CODE64, SYSTEM, 13 * 0x10000 + 0x40],
    ['level 0', 0x30, DATA64, 13 * 0x10000 + 0x30],
  ])('refuses to return to %s, and changes nothing', (_what, cs, ss, fault) => {
    expect(monitor.returnTo(cs, ss)).toBe(fault);
    expect([cpu.core.cpl, monitor.selector(1), monitor.selector(2)]).toEqual([3, CODE64, DATA64]);
  });

  it.each([
    ['below the hole', 0x8000],
    ['above it', 0xffff7fff],
  ])('refuses to return to an address that is not canonical, %s', (_where, high) => {
    monitor.write(16, 0, high);
    expect(monitor.returnTo(CODE64, DATA64)).toBe(13 * 0x10000);
  });

  it('returns by other selectors of the same segments, and anew to segments that have changed', () => {
    const copy = (from: number, to: number): void => {
      new Uint8Array(view.buffer).copyWithin(TABLE + to, TABLE + from, TABLE + from + 8);
    };
    copy(CODE64 & 0xfff8, SYSTEM & 0xfff8);
    copy(DATA64 & 0xfff8, ABSENT & 0xfff8);
    expect(monitor.returnTo(SYSTEM, ABSENT)).toBe(0);
    expect([cpu.core.mode64, monitor.selector(1), monitor.selector(2)]).toEqual([
      true,
      SYSTEM,
      ABSENT,
    ]);
    copy(CODE32 & 0xfff8, CODE64 & 0xfff8);
    expect(monitor.returnTo(CODE64, DATA64)).toBe(0);
    expect([cpu.core.mode64, monitor.selector(1)]).toEqual([false, CODE64]);
  });

  it('goes from the kernel’s tables to user mode’s and back as if all of the mode were found anew', () => {
    const page = (): readonly number[] => [
      ...cpu.state.u32.subarray(cpu.state.base >> 2).slice(0, 1024),
    ];
    for (const flags of [0x202, 0x202 | 0x40000]) {
      monitor.write(17, flags, 0);
      for (const [root, asKernel] of [
        [0xa0000, true],
        [0xb0000, false],
        [0xa0000, true],
        [0xb0000, false],
        [0xb0000, true],
      ] as const) {
        monitor.setPageTables(root, asKernel);
        const found = [page(), cpu.core.mmu.userSet, { ...cpu.core.mmu.walk }];
        cpu.core.updateMode();
        expect([page(), cpu.core.mmu.userSet, { ...cpu.core.mmu.walk }]).toEqual(found);
        expect(cpu.core.mmu.walk.root).toBe(root);
      }
    }
  });

  it('loads data segments as a MOV would, and says where that faults', () => {
    expect(monitor.loadSegment(3, DATA64)).toBe(true);
    expect(monitor.loadSegment(4, 0)).toBe(true);
    expect(monitor.loadSegment(3, ABSENT)).toBe(false);
    expect(monitor.selector(3)).toBe(DATA64);
  });

  it('shows the code at rIP up to where a fetch would fault', () => {
    new Uint8Array(view.buffer).set([0x0f, 0x0b, 0x90], RAM + CODE);
    const bytes = new Uint8Array(4);
    expect(monitor.readCode(bytes)).toBe(4);
    expect([...bytes]).toEqual([0x0f, 0x0b, 0x90, 0]);
    monitor.write(16, 0xffffe, 0);
    expect(monitor.readCode(bytes)).toBe(2);
  });

  it('takes a floating-point image, and starts anew without one', () => {
    const image = new Uint8Array(512);
    new DataView(image.buffer).setUint32(24, 0xffff1f80, true);
    image[160] = 7;
    monitor.loadFloatingPoint(image);
    expect(cpu.state.get(1064)).toBe(0x1f80);
    expect(cpu.state.getU8(1280)).toBe(7);
    monitor.loadFloatingPoint(null);
    expect(cpu.state.getU8(1280)).toBe(0);
  });

  it('switches address spaces with the translations of each kept', () => {
    const text = 'mov eax, [0x6000]\nint3';
    const { bytes } = assemble(`bits 64\n${text}`, { bits: 64, origin: CODE });
    new Uint8Array(view.buffer).set(bytes, RAM + CODE);
    view.setUint32(RAM + 0x6000, 5, true);
    cpu.core.traps = {
      ...cpu.core.traps,
      software: () => {
        cpu.requestExit();
        return 0;
      },
    };
    const run = (asKernel: boolean): number => {
      monitor.setPageTables(0xa0000, asKernel);
      monitor.write(16, CODE, 0);
      cpu.run(100);
      return monitor.readLow(0);
    };
    expect([run(true), run(false)]).toEqual([5, 5]);
    // The page goes, but nobody has said so yet.
    view.setUint32(RAM + 0xa3000 + 6 * 8, 0x7007, true);
    view.setUint32(RAM + 0x7000, 6, true);
    expect([run(true), run(false)]).toEqual([5, 5]);
    monitor.flush();
    expect([run(true), run(false)]).toEqual([6, 6]);
  });

  it('allows software its bits in entries of 4-level page tables', () => {
    view.setUint32(RAM + 0xa3000 + CODE / 512 + 4, 0x7ff00000, true);
    monitor.flush();
    expect(monitor.readCode(new Uint8Array(1))).toBe(1);
  });
});

describe('a kernel at level 3 that changes its page tables', () => {
  /** Copies the root, so that both lead to the same tables below. */
  const copyRoot = (to: number): void => {
    new Uint8Array(view.buffer).copyWithin(RAM + to, RAM + 0xa0000, RAM + 0xa1000);
  };
  const lookups = (root: number): number => {
    const before = cpu.counters.lookups;
    monitor.setPageTables(root, true);
    monitor.write(16, CODE, 0);
    cpu.run(100);
    return cpu.counters.lookups - before;
  };

  /** Puts code at CODE, in the lower half and, by the root's last slot, in the upper one, that counts in EAX. */
  function putCounter(): void {
    new Uint8Array(view.buffer).set(
      assemble('bits 64\ninc eax\nint3', { bits: 64, origin: CODE }).bytes,
      RAM + CODE,
    );
    cpu.core.traps = {
      ...cpu.core.traps,
      software: () => {
        cpu.requestExit();
        return 0;
      },
    };
    view.setUint32(RAM + 0xa0000 + 511 * 8, 0xa1007, true);
  }
  /** How often code was looked for as the counter ran in the upper (or lower) half, behind what `act` did. */
  function upperLookups(act: () => void, isUpper = true): number {
    const before = cpu.counters.lookups;
    act();
    monitor.write(16, CODE, isUpper ? 0xffffff80 : 0);
    cpu.run(100);
    return cpu.counters.lookups - before;
  }
  const toRoot = (root: number) => (): void => monitor.setPageTables(root, true);
  const flush = (): void => monitor.flushUntold();

  it('finds its code again without a look if the part it lies in is the same', () => {
    putCounter();
    copyRoot(0xb0000);
    copyRoot(0xc0000);
    // Another L3 there, with the same contents.
    new Uint8Array(view.buffer).copyWithin(RAM + 0xd0000, RAM + 0xa1000, RAM + 0xa2000);
    view.setUint32(RAM + 0xc0000 + 511 * 8, 0xd0007, true);
    expect(upperLookups(toRoot(0xa0000))).toBeGreaterThan(0);
    expect(upperLookups(toRoot(0xb0000))).toBe(0);
    expect(upperLookups(toRoot(0xc0000))).toBeGreaterThan(0);
    expect(monitor.readLow(0)).toBe(3);
  });

  it('flushes, and finds its own code without a look until one of its frames is unmapped', () => {
    putCounter();
    expect(upperLookups(toRoot(0xa0000))).toBeGreaterThan(0);
    expect(upperLookups(flush)).toBe(0);
    expect(upperLookups(() => cpu.core.forgetCodeFrame(RAM + 0x20000))).toBe(0);
    expect(upperLookups(() => cpu.core.forgetCodeFrame(RAM + CODE))).toBeGreaterThan(0);
    expect(upperLookups(() => monitor.flush())).toBeGreaterThan(0);
    expect(monitor.readLow(0)).toBe(5);
  });

  it('has nothing stale, which is found when it is unmapped without a word', () => {
    putCounter();
    upperLookups(toRoot(0xa0000));
    flush();
    const { checked, stale } = staleTranslations(cpu);
    expect(checked).toBeGreaterThan(0);
    expect(stale).toEqual([]);
    view.setUint32(RAM + 0xa3000 + CODE / 512, 0x20007, true);
    expect(staleTranslations(cpu).stale).toEqual([
      'code at -0x7fffff0000 is at 0x420000, not at 0x410000',
    ]);
    cpu.core.forgetCodeFrame(RAM + CODE);
    expect(staleTranslations(cpu).stale).toEqual([]);
  });

  it.each([
    ['in the lower half', 7, false],
    ['on pages marked as user mode’s', 0x107, true],
  ])('flushes, and looks for code %s anew', (_, flags, isUpper) => {
    putCounter();
    view.setUint32(RAM + 0xa3000 + CODE / 512, CODE | flags, true);
    expect(upperLookups(toRoot(0xa0000), isUpper)).toBeGreaterThan(0);
    expect(upperLookups(() => {}, isUpper)).toBe(0);
    expect(upperLookups(flush, isUpper)).toBeGreaterThan(0);
    expect(upperLookups(toRoot(0xa0000), isUpper)).toBe(0);
    copyRoot(0xb0000);
    expect(upperLookups(toRoot(0xb0000), isUpper)).toBeGreaterThan(0);
  });

  it.each([
    ['its own upper half', 0xffffff8000006000n, 0x7007, 5],
    ['the lower half', 0x6000n, 0x7007, 6],
    ['pages marked as user mode’s', 0xffffff8000006000n, 0x7107, 6],
  ])('translates %s as before, or anew, under another root', (_, address, replaced, expected) => {
    const text = `bits 64\nmov rax, ${address}\nmov eax, [rax]\nint3`;
    new Uint8Array(view.buffer).set(assemble(text, { bits: 64, origin: CODE }).bytes, RAM + CODE);
    cpu.core.traps = {
      ...cpu.core.traps,
      software: () => {
        cpu.requestExit();
        return 0;
      },
    };
    // The last slot of the root leads to the same tables as the first; in the third root not quite.
    view.setUint32(RAM + 0xa0000 + 511 * 8, 0xa1007, true);
    copyRoot(0xb0000);
    copyRoot(0xc0000);
    new Uint8Array(view.buffer).copyWithin(RAM + 0xd0000, RAM + 0xa1000, RAM + 0xa2000);
    view.setUint32(RAM + 0xc0000 + 511 * 8, 0xd0007, true);
    view.setUint32(RAM + 0x6000, 5, true);
    view.setUint32(RAM + 0x7000, 6, true);
    const pageEntry = RAM + 0xa3000 + 6 * 8;
    view.setUint32(
      pageEntry,
      (view.getUint32(pageEntry, true) & ~0x100) | (replaced & 0x100),
      true,
    );
    const readUnder = (root: number): number => {
      lookups(root);
      return monitor.readLow(0);
    };
    expect(readUnder(0xa0000)).toBe(5);
    view.setUint32(pageEntry, replaced, true);
    expect(readUnder(0xb0000)).toBe(expected);
    expect(readUnder(0xc0000)).toBe(6);
  });

  it('keeps no translation of its programs when their tables are replaced, be it at the same place', () => {
    new Uint8Array(view.buffer).set(
      assemble('bits 64\nmov eax, [0x6000]\nint3', { bits: 64, origin: CODE }).bytes,
      RAM + CODE,
    );
    cpu.core.traps = {
      ...cpu.core.traps,
      software: () => {
        cpu.requestExit();
        return 0;
      },
    };
    view.setUint32(RAM + 0x6000, 5, true);
    view.setUint32(RAM + 0x7000, 6, true);
    const asProgram = (): number => {
      monitor.setPageTables(0xa0000, false);
      monitor.write(16, CODE, 0);
      cpu.run(100);
      return monitor.readLow(0);
    };
    expect(asProgram()).toBe(5);
    view.setUint32(RAM + 0xa3000 + 6 * 8, 0x7007, true);
    expect(asProgram()).toBe(5);
    monitor.forgetUserTables();
    expect(asProgram()).toBe(6);
  });
});
