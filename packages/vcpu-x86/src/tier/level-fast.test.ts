// The ordinary cases of level changes and segment loads against the TypeScript that they stand in front of: random states, the same
// memory and state page afterwards; or, where they give up, nothing has changed.
import { describe, expect, it } from 'vitest';
import { CPU_FAULT } from '../fault.js';
import { enterHandler } from '../routines/deliver-event.js';
import { systemRoutines } from '../routines/system.js';
import {
  CODE0,
  CODE3,
  CODE64,
  CODE64_USER,
  DATA0,
  DATA3,
  GDT,
  IDT,
  SystemMachine,
  TSS,
} from '../routines/system-machine.contract.js';
import { fastRoutines } from '../semantics/fast-table.js';
import {
  CPL,
  CR4,
  CS,
  DS,
  EFER,
  ES,
  FLAG_AUX,
  FLAG_RESULT,
  FLAGS_OTHER,
  FS,
  GS,
  INTERRUPT_LINE,
  MSR_LSTAR,
  MSR_SFMASK,
  MSR_STAR,
  MSR_SYSENTER_CS,
  MSR_SYSENTER_EIP,
  MSR_SYSENTER_ESP,
  NMI_BLOCKED,
  SCRATCH,
  SEGMENT_STRIDE,
  SS,
} from '../state/layout.js';
import { setFlatSegment, setSegment } from '../state/segments.js';
import { DELIVER_EVENT, fastName } from '../wasm/import-names.js';
import { fastImports } from './fast-routines.js';

const ROUNDS = 1_000;
const VECTOR = 0x20;
const GAVE_UP = -2;

let seed = 1;
/** Unsigned below `n` (mulberry32). */
function below(n: number): number {
  seed = (seed + 0x6d2b79f5) >>> 0;
  let t = Math.imul(seed ^ (seed >>> 15), seed | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) % n;
}
const one = <T>(...choices: readonly T[]): T => choices[below(choices.length)];
/** One time in `n`. */
const rarely = (n: number): boolean => below(n) === 0;

const machine = new SystemMachine();
const { core, state, ram } = machine;
const memory = state.u8;
/** Where nothing else lies; near a page's end now and then. */
const stackTop = (): number => (rarely(8) ? 0x9000 + below(40) : 0x8800 + below(200) * 4);

function drawFlags(): number {
  let flags = 2 | (below(2) * 0x200) | (below(2) * 0x400) | (below(4) << 12) | (below(2) << 21);
  if (rarely(10)) flags |= one(0x40000, 0x4000, 0x100, 0x10000);
  return flags;
}
function drawSegments(level: 0 | 3): void {
  for (const segment of [DS, ES, FS, GS]) {
    const outer = rarely(10) ? 0 : level;
    if (rarely(3)) setSegment(state, segment, 0, 0, 0, 0);
    else {
      const attributes = 0xc09300 | (below(4) || outer ? 0x6000 : 0);
      setSegment(state, segment, DATA3, rarely(20) ? 0x1000 : 0, 0xffffffff, attributes);
    }
  }
}
/** A machine at a level of 32-bit or 64-bit mode, between an ordinary kernel and an ordinary program, but for rare surprises. */
function draw(is64: boolean, level: 0 | 3): void {
  memory.fill(0, 0x1000, 0x14000);
  if (is64) machine.enterLong();
  else {
    machine.protect();
    state.set(EFER, 0);
    machine.page32();
  }
  state.set(CR4, is64 ? 0x20 : 0);
  if (rarely(30)) state.set(CR4, state.get(CR4) | 0x200000);
  state.set(FLAGS_OTHER, drawFlags());
  state.setHalves(FLAG_RESULT, below(3) - 1, below(3) - 1);
  state.set(FLAG_AUX, (below(4) << 30) | (below(2) << 3) | below(2) | (below(256) << 8));
  const dpl = level === 3 ? 0x6000 : 0;
  const user = level === 3;
  const code = is64 ? (user ? CODE64_USER : CODE64) : user ? CODE3 : CODE0;
  setFlatSegment(state, CS, code, (is64 ? 0xa09b00 : 0xc09b00) | dpl);
  if (is64 && level === 0 && rarely(2)) setSegment(state, SS, 0, 0, 0, 0);
  else setFlatSegment(state, SS, user ? DATA3 : DATA0, 0xc09300 | dpl);
  if (!is64 && rarely(20)) setSegment(state, SS, 0x50, 0x100, 0xfffff, 0x409300 | dpl);
  drawSegments(level);
  state.set(CPL, level);
  state.rip = 0x7000 + below(100);
  for (let i = 0; i < 16; i++) state.setHalves(i * 8, below(2 ** 32) | 0, is64 ? below(9) - 4 : 0);
  state.setHalves(4 * 8, stackTop(), 0);
  state.setHalves(8, 0x7000 + below(99), is64 && rarely(8) ? 0x123456 : 0);
  state.setHalves(16, 0x7000 + below(99), is64 && rarely(8) ? 0x123456 : 0);
  state.setHalves(11 * 8, drawFlags() | below(0x100), 0);
  state.set(INTERRUPT_LINE, below(2));
  state.set(NMI_BLOCKED, below(2));
  state.setHalves(MSR_SYSENTER_CS, rarely(10) ? below(4) : one(CODE0, CODE64), 0);
  state.setHalves(MSR_SYSENTER_ESP, 0x9000, is64 ? below(2) : 0);
  state.setHalves(MSR_SYSENTER_EIP, 0x7777, is64 ? below(2) : 0);
  state.setHalves(MSR_STAR, 0, (below(0x10000) << 16) | CODE64);
  state.setHalves(MSR_LSTAR, 0x7700, 0);
  state.setHalves(MSR_SFMASK, below(2) * 0x47700, 0);
  if (is64) state.set(EFER, rarely(10) ? 0xd00 : 0xd01);
  drawTask();
  drawGate(is64);
  // One bit of a descriptor is another one.
  if (rarely(10)) memory[GDT + below(0x48)] ^= 1 << below(8);
  core.updateMode();
  for (const page of [GDT, IDT, TSS, 0x7000, 0x8000, 0x9000]) {
    if (rarely(40)) continue;
    core.mmu.translateFor(page, true);
    try {
      core.mmu.writeU32(page + 0xff0, core.mmu.readU32(page + 0xff0, false), false);
    } catch (e) {
      if (e !== CPU_FAULT) throw e;
    }
  }
}
function drawTask(): void {
  ram.setUint32(TSS + 4, stackTop(), true);
  ram.setUint32(TSS + 8, rarely(10) ? one(0, DATA3, CODE0) : DATA0, true);
  if (state.get(EFER) !== 0) ram.setUint32(TSS + 8, 0, true);
  for (let ist = 1; ist < 8; ist++) ram.setUint32(TSS + 0x1c + ist * 8, stackTop(), true);
}
function drawGate(is64: boolean): void {
  const selector = rarely(10) ? one(0, DATA0, CODE3, CODE0, CODE64) : is64 ? CODE64 : CODE0;
  const access = rarely(10) ? one(0x0e, 0x85, 0x86, 0x8c) : one(0x8e, 0x8f, 0xee, 0xef);
  const offset = below(2 ** 32);
  if (is64) {
    machine.vector64(VECTOR, selector, offset, access, rarely(2) ? below(8) : 0);
    ram.setUint32(IDT + VECTOR * 16 + 8, rarely(10) ? 0x123456 : one(0, 0xffffffff), true);
  } else machine.vector(VECTOR, selector, offset, access);
}
/** What an IRET finds on its stack. */
function drawFrame(is64: boolean): void {
  const at = state.gpr32(4);
  const toUser = below(2) === 1;
  const code = is64 ? (toUser ? CODE64_USER : CODE64) : toUser ? CODE3 : CODE0;
  const stack = toUser ? DATA3 : is64 && below(2) ? 0 : DATA0;
  const words = [
    0x7000 + below(99),
    rarely(12) ? one(0, DATA0, CODE3, CODE0, CODE64, CODE64_USER) : code,
    drawFlags() | (below(2) * 0x41) | (below(2) * 0x890) | (rarely(20) ? 0x20000 : 0),
    stackTop(),
    rarely(12) ? one(0, DATA0, DATA3, CODE3) : stack,
  ];
  words.forEach((word, i) => {
    ram.setUint32(at + i * (is64 ? 8 : 4), word, true);
    if (is64) ram.setUint32(at + i * 8 + 4, i === 0 && rarely(20) ? 0x123456 : 0, true);
  });
}

/** Runs TypeScript's; its result, or -1 for a fault. */
function plain(run: () => number): number {
  try {
    return run();
  } catch (e) {
    if (e !== CPU_FAULT) throw e;
    return -1;
  }
}
/** Guest memory that anything happens in, and whatever is the CPU's. */
const parts = [memory.subarray(0, 0x14000), memory.subarray(state.base)];
/** A copy of it; SCRATCH is nobody's. */
function image(): Uint8Array {
  memory.fill(0, state.base + SCRATCH, state.base + SCRATCH + 32);
  return Buffer.concat(parts);
}
function restore(copy: Uint8Array): void {
  parts[0].set(copy.subarray(0, parts[0].length));
  parts[1].set(copy.subarray(parts[0].length));
}

interface Case {
  readonly name: string;
  readonly is64: boolean;
  readonly level: () => 0 | 3;
  readonly parameters: () => readonly number[];
  readonly prepare?: (is64: boolean) => void;
}
const nothing = (): readonly number[] => [];
const kernel = (): 0 | 3 => (rarely(20) ? 3 : 0);
const program = (): 0 | 3 => (rarely(20) ? 0 : 3);
const either = (): 0 | 3 => one(0, 3);
const selectors = (): number => one(0, 3, DATA0, DATA3, DATA3, CODE3, 0x33, 0x54, 0x100);
const cases: readonly Case[] = [false, true].flatMap((is64) => {
  const size = is64 ? 64 : 32;
  const bits = (): readonly number[] => [rarely(20) ? one(16, 32, size) : size];
  const load = (): readonly number[] => [one(FS, GS) * SEGMENT_STRIDE, selectors()];
  return [
    { name: 'systemEnter', is64, level: program, parameters: nothing },
    { name: 'systemExit', is64, level: kernel, parameters: bits },
    ...(is64 ? [{ name: 'systemCall', is64, level: program, parameters: nothing }] : []),
    ...(is64 ? [{ name: 'systemReturn', is64, level: kernel, parameters: bits }] : []),
    { name: 'returnFromInterrupt', is64, level: kernel, parameters: bits, prepare: drawFrame },
    { name: 'loadSegment', is64, level: either, parameters: load },
    {
      name: DELIVER_EVENT,
      is64,
      level: either,
      parameters: () => [VECTOR, one(-1, below(0x10000)), one(0, 0x10000), one(0, 1)],
    },
  ];
});

describe('ordinary cases of level changes', () => {
  const env: Record<string, WebAssembly.ImportValue> = { memory: state.memory };
  for (const routine of Object.keys(fastRoutines)) env[routine] = () => GAVE_UP;
  const functions = fastImports(env);

  it.each(cases)(
    '$name in 64-bit mode: $is64',
    ({ name, is64, level, parameters, prepare }) => {
      let ordinary = 0;
      for (let round = 0; round < ROUNDS; round++) {
        draw(is64, level());
        prepare?.(is64);
        const values = parameters();
        const before = image();
        const isEvent = name === DELIVER_EVENT;
        const fast = functions[isEvent ? name : fastName(name)] as (...all: number[]) => number;
        const result = fast(state.base, ...values);
        const byFast = image();
        restore(before);
        const expected = plain(() => {
          if (!isEvent) return systemRoutines[name](core, ...values);
          const [vector, errorCode, flags, bySoftware] = values;
          const source = bySoftware ? 'software' : 'exception';
          enterHandler(core, vector, errorCode, source, flags !== 0);
          return 0;
        });
        core.noticeInterrupt();
        const text = `${name}(${values}) round ${round}`;
        if (result === (isEvent ? -1 : GAVE_UP)) {
          expect(Buffer.compare(byFast, before), `${text} gave up`).toBe(0);
          continue;
        }
        ordinary++;
        expect([result, expected, core.mmu.alignmentCheck], text).toEqual([0, 0, false]);
        const after = image();
        if (Buffer.compare(byFast, after) === 0) continue;
        const at = after.findIndex((v, i) => v !== byFast[i]);
        const slot = at - parts[0].length;
        expect(`${slot}: ${byFast[at]}`, text).toBe(`${slot}: ${after[at]}`);
      }
      expect(ordinary, 'ordinary rounds').toBeGreaterThan(ROUNDS / 5);
    },
    60_000,
  );
});
