// What the native oracle (tests/conformance/native-oracle/x87.test.ts) cannot show from user mode: availability, FERR#, pointers,
// real-mode images, and that every row has a meaning.
import { beforeEach, describe, expect, it } from 'vitest';
import { Core, CR0_EM, CR0_MP, CR0_NE, CR0_PE, CR0_TS } from '../core.js';
import { CPU_FAULT, MF, NM } from '../fault.js';
import { Builder } from '../ir/builder.js';
import { evaluate, type Outcome } from '../ir/evaluate.js';
import { decode } from '../isa/decode.js';
import { Instruction } from '../isa/instruction.js';
import { x87Map } from '../isa/x87-map.js';
import type { CodeWatch } from '../mmu/mmu.js';
import { TLB_SET_SIZE, TLB_SETS } from '../mmu/tlb.js';
import type { CpuPlatform, SecondStage } from '../platform.js';
import { ArchitecturalTraps } from '../routines/architectural-traps.js';
import { x87Routines } from '../routines/x87.js';
import {
  CR0,
  CS,
  DS,
  ES,
  FAULT_VECTOR,
  FPU_CONTROL,
  FPU_CS,
  FPU_DP,
  FPU_DS,
  FPU_IP,
  FPU_OPCODE,
  FPU_STATUS,
  FPU_TAG,
  GPR,
  SS,
} from '../state/layout.js';
import { setSegment } from '../state/segments.js';
import { VcpuState } from '../state/vcpu-state.js';
import { boundBinding } from './binding.js';
import { Operands, type Semantics } from './operands.js';
import { bindFields, Fields, shapeOf } from './shape.js';
import { x87Semantics } from './x87.js';

const RAM_BYTES = 0x10000;
const STATE_AT = RAM_BYTES;
const TLB_AT = STATE_AT + 0x1000;
const IMAGE_AT = 0x5000;
const CODE_BASE = 0x2000;
const identity: SecondStage = { mfnOf: (gfn) => gfn as never };
const noCode: CodeWatch = { holdsCode: () => false, written: () => {} };

let core: Core;
let ram: DataView;

/** 16-bit code at CS 0200h, data at segment 0; real mode unless `cr0` has PE. */
function start(cr0: number): void {
  const memory = new WebAssembly.Memory({
    initial: (TLB_AT + TLB_SETS * TLB_SET_SIZE) / 65536 + 1,
  });
  const state = new VcpuState(memory, STATE_AT);
  const model = { name: 'test', features: new Set<string>() };
  core = new Core(state, TLB_AT, model, {} as CpuPlatform, identity, noCode);
  core.traps = new ArchitecturalTraps(core);
  ram = new DataView(memory.buffer);
  for (const i of [ES, SS, DS]) setSegment(state, i, 0, 0, 0xffff, 0x9300);
  setSegment(state, CS, CODE_BASE >> 4, CODE_BASE, 0xffff, 0x9b00);
  state.set(CR0, cr0);
  state.set(GPR + 3 * 8, IMAGE_AT);
  core.updateMode();
  core.flushTlb(false);
  run([0xdb, 0xe3]);
}

/** Runs one instruction at offset `ip`; BX points to IMAGE_AT. */
function run(code: readonly number[], ip = 0x100): Outcome {
  const { state } = core;
  state.u8.set(code, CODE_BASE + ip);
  const i = new Instruction();
  const length = decode(Uint8Array.from(code), 0, code.length, 16, null, i);
  const mode = Core.modeOf(0);
  const fields = new Fields();
  bindFields(i, mode, fields, length);
  const b = new Builder();
  const meaning = (x87Semantics as Record<string, Semantics>)[i.row.mnemonic];
  meaning(b, new Operands(b, shapeOf(i, mode), boundBinding(fields, length)));
  return evaluate(b.statements, {
    state,
    mmu: core.mmu,
    rip: ip,
    nextRip: ip + length,
    call: (name, args) => {
      try {
        return x87Routines[name](core, ...args);
      } catch (e) {
        if (e !== CPU_FAULT) throw e;
        return -1;
      }
    },
  });
}

const FLD1 = [0xd9, 0xe8];
const FWAIT = [0x9b];
const FNSTSW_AX = [0xdf, 0xe0];
/** fld1; fldz; fdivp with all exceptions unmasked: zero divide. */
function divideByZero(): void {
  run(FLD1);
  run([0xd9, 0xee]);
  core.state.set(FPU_CONTROL, 0x340);
  run([0xde, 0xf9]);
}

describe('x87 semantics', () => {
  beforeEach(() => start(CR0_NE));

  it('cover every mnemonic of the x87 map', () => {
    const names = new Set(x87Map.map(([, template]) => template.split(' ')[0]));
    for (const name of names) expect(x87Semantics, name).toHaveProperty(name);
  });
  it('call only routines that exist', () => {
    for (let second = 0xc0; second < 0x100; second++) {
      for (let first = 0xd8; first < 0xe0; first++) {
        const code = Uint8Array.of(first, second);
        if (decode(code, 0, 2, 16, null, new Instruction()) > 0)
          expect(run([first, second])).toBe('next');
      }
    }
  });

  it('raise #NM under CR0.TS and CR0.EM, WAIT only under TS and MP together', () => {
    for (const [cr0, x87, wait] of [
      [CR0_TS, 'fault', 'next'],
      [CR0_EM | CR0_MP, 'fault', 'next'],
      [CR0_TS | CR0_MP, 'fault', 'fault'],
      [CR0_MP, 'next', 'next'],
    ] as const) {
      core.state.set(CR0, cr0 | CR0_NE);
      core.updateMode();
      for (const [code, outcome] of [
        [FLD1, x87],
        [FNSTSW_AX, x87],
        [FWAIT, wait],
      ] as const) {
        expect(run([...code]), `CR0 ${cr0} ${code}`).toBe(outcome);
        if (outcome === 'fault') expect(core.state.get(FAULT_VECTOR)).toBe(NM);
      }
    }
  });
  it('raise #MF at the next waiting instruction, not at FNSTSW', () => {
    divideByZero();
    expect(core.state.get(FPU_STATUS) & 0x80ff).toBe(0x8084);
    expect(run(FNSTSW_AX)).toBe('next');
    expect(run(FWAIT)).toBe('fault');
    expect(core.state.get(FAULT_VECTOR)).toBe(MF);
    run([0xdb, 0xe2]);
    expect(run(FWAIT)).toBe('next');
  });
  it('go on without CR0.NE, where FERR# is not connected', () => {
    start(0);
    divideByZero();
    expect(run(FLD1)).toBe('next');
  });
  it('FNINIT leaves an empty stack and masks everything', () => {
    run(FLD1);
    run([0xdb, 0xe3]);
    const { state } = core;
    expect([state.get(FPU_CONTROL), state.get(FPU_STATUS), state.get(FPU_TAG)]).toEqual([
      0x37f, 0, 0xffff,
    ]);
  });

  it('record the instruction pointer always, operand and opcode at an unmasked exception', () => {
    const { state } = core;
    run(FLD1, 0x180);
    expect([state.get64(FPU_IP), state.get(FPU_CS)]).toEqual([0x180, CODE_BASE >> 4]);
    expect([state.get(FPU_OPCODE), state.get64(FPU_DP)]).toEqual([0, 0]);
    state.set(FPU_CONTROL, 0x340);
    ram.setFloat32(IMAGE_AT, 0, true);
    // es: fdiv dword [bx]
    run([0x26, 0xd8, 0x37], 0x190);
    expect([state.get64(FPU_IP), state.get64(FPU_DP)]).toEqual([0x190, IMAGE_AT]);
    expect(state.get(FPU_OPCODE)).toBe(0x037);
    expect(state.get(FPU_DS)).toBe(0);
  });

  const pointers = (): void => {
    core.state.set(FPU_CS, 0x1234);
    core.state.setHalves(FPU_IP, 0x5678, 0);
    core.state.set(FPU_DS, 0x2000);
    core.state.setHalves(FPU_DP, 0x10, 0);
    core.state.set(FPU_OPCODE, 0x5a5);
  };
  const words = (n: number): number[] =>
    Array.from({ length: n }, (_, i) => ram.getUint16(IMAGE_AT + i * 2, true));
  const longs = (n: number): number[] =>
    Array.from({ length: n }, (_, i) => ram.getUint32(IMAGE_AT + i * 4, true));

  it('FNSTENV stores linear pointers in the real-mode formats', () => {
    pointers();
    run([0xd9, 0x37]);
    // 12340h + 5678h = 179B8h
    expect(words(7)).toEqual([0x37f, 0, 0xffff, 0x79b8, 0x15a5, 0x0010, 0x2000]);
    run([0x66, 0xd9, 0x37]);
    expect(longs(7)).toEqual([0xffff037f, 0xffff0000, 0xffffffff, 0x79b8, 0x15a5, 0x10, 0x2000]);
  });
  it('FNSTENV stores selectors and offsets in the protected-mode formats', () => {
    start(CR0_NE | CR0_PE);
    pointers();
    run([0xd9, 0x37]);
    expect(words(7)).toEqual([0x37f, 0, 0xffff, 0x5678, 0x1234, 0x10, 0x2000]);
    run([0x66, 0xd9, 0x37]);
    expect(longs(7)).toEqual([
      0xffff037f, 0xffff0000, 0xffffffff, 0x5678, 0x05a51234, 0x10, 0xffff2000,
    ]);
  });
  it('FNSAVE and FRSTOR keep values, tags and linear pointers', () => {
    run(FLD1);
    run([0xd9, 0xeb]);
    pointers();
    const { state } = core;
    const before = [state.get(FPU_STATUS), state.get(FPU_TAG)];
    run([0xdd, 0x37]);
    expect(words(3)).toEqual([0x37f, 0x3000, 0x0fff]);
    // π, then 1
    expect(ram.getBigUint64(IMAGE_AT + 14, true)).toBe(0xc90fdaa22168c235n);
    expect(ram.getUint16(IMAGE_AT + 32, true)).toBe(0x3fff);
    expect(state.get(FPU_TAG)).toBe(0xffff);
    run([0xdd, 0x27]);
    expect([state.get(FPU_STATUS), state.get(FPU_TAG)]).toEqual(before);
    expect([state.get64(FPU_IP), state.get(FPU_CS), state.get(FPU_OPCODE)]).toEqual([
      0x179b8, 0, 0x5a5,
    ]);
  });
});
