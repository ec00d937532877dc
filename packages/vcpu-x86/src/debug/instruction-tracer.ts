// Single steps of a CPU as lines of text: where, what, and which registers changed.
import { formatInstruction } from '../asm/disassemble.js';
import type { Core } from '../core.js';
import type { Exit, FaultRecord } from '../exit.js';
import { DECODE_TRUNCATED, decode } from '../isa/decode.js';
import { Instruction } from '../isa/instruction.js';
import * as L from '../state/layout.js';

/** A CPU that can be stepped: X86Cpu fits. */
export interface SteppedCpu {
  readonly core: Core;
  /** HLT was executed and nothing has woken the CPU. */
  readonly isHalted: boolean;
  /** How many faults and interrupts were delivered. */
  readonly counters: { readonly faults: number; readonly interrupts: number };
  /** The last fault that an instruction met. */
  readonly lastFault: FaultRecord | undefined;
  stepInstruction(): Exit;
}

const PAGE_BYTES = 4096;
const MAX_INSTRUCTION_BYTES = 15;
const gprNames = ['ax', 'cx', 'dx', 'bx', 'sp', 'bp', 'si', 'di'];
const segments: readonly (readonly [string, number])[] = [
  ['es', L.ES],
  ['cs', L.CS],
  ['ss', L.SS],
  ['ds', L.DS],
  ['fs', L.FS],
  ['gs', L.GS],
  ['ldtr', L.LDTR],
  ['tr', L.TR],
];
const controls: readonly (readonly [string, number])[] = [
  ['cr0', L.CR0],
  ['cr2', L.CR2],
  ['cr3', L.CR3],
  ['cr4', L.CR4],
  ['efer', L.EFER],
];

/** What one step did. */
export interface TracedStep {
  readonly exit: Exit;
  /** Empty when the CPU was halted and executed nothing. */
  readonly text: string;
}

export class InstructionTracer {
  readonly #cpu: SteppedCpu;
  readonly #instruction = new Instruction();
  readonly #code = new Uint8Array(MAX_INSTRUCTION_BYTES);

  constructor(cpu: SteppedCpu) {
    this.#cpu = cpu;
  }

  /** rIP, as an unsigned number of the mode's width. */
  get address(): bigint {
    return this.#value(L.RIP, this.#bits === 64 ? 64 : 32);
  }

  /** Executes one instruction (or takes one interrupt and then one instruction). */
  step(): TracedStep {
    const cpu = this.#cpu;
    const { faults, interrupts } = cpu.counters;
    const wasHalted = cpu.isHalted;
    const place = this.#place();
    const text = this.#describe();
    const before = this.#registers();
    const exit = cpu.stepInstruction();
    const after = this.#registers();
    if (wasHalted && cpu.isHalted) return { exit, text: '' };
    const notes = [...after].filter(([name, value]) => before.get(name) !== value);
    const changes = notes.map(([name, value]) => `${name}=${value.toString(16)}`);
    if (cpu.counters.faults > faults) changes.push(`fault ${faultText(cpu.lastFault)}`);
    if (cpu.counters.interrupts > interrupts) changes.push('interrupt taken before it');
    const line = `${place}  ${text}`;
    return {
      exit,
      text: changes.length === 0 ? line.trimEnd() : `${line.padEnd(72)} ; ${changes.join(' ')}`,
    };
  }

  get #bits(): 16 | 32 | 64 {
    const key = this.#cpu.core.state.get(L.MODE_KEY) & 3;
    return key === 0 ? 16 : key === 1 ? 32 : 64;
  }

  #value(offset: number, bits: number): bigint {
    const { state } = this.#cpu.core;
    return BigInt.asUintN(
      bits,
      (BigInt(state.getU(offset + 4)) << 32n) | BigInt(state.getU(offset)),
    );
  }

  #place(): string {
    const bits = this.#bits;
    const selector = this.#cpu.core.state.selector(L.CS).toString(16).padStart(4, '0');
    return `${selector}:${this.address.toString(16).padStart(bits === 64 ? 16 : bits / 4, '0')}`;
  }

  /** Bytes and text of the instruction at rIP. */
  #describe(): string {
    const bits = this.#bits;
    const available = this.#fetch();
    const length = decode(this.#code, 0, available, bits, null, this.#instruction);
    if (length > 0) {
      const hex = hexText(this.#code.subarray(0, length));
      return `${hex.padEnd(20)}  ${formatInstruction(this.#instruction, bits, this.address)}`;
    }
    const hex = hexText(this.#code.subarray(0, Math.min(available, 8)));
    const isUnreadable = available === 0 || length === DECODE_TRUNCATED;
    return `${hex.padEnd(20)}  (${isUnreadable ? 'not readable' : 'no instruction'})`;
  }

  /** Reads code at rIP as the CPU would: from its page, and from the next one only when the instruction may reach there. */
  #fetch(): number {
    const { core } = this.#cpu;
    const { state } = core;
    const user = core.cpl === 3;
    // Looking must not disturb what the CPU has recorded.
    const fault = [
      state.get(L.FAULT_VECTOR),
      state.get(L.FAULT_ERROR),
      state.getF64(L.FAULT_ADDRESS),
    ] as const;
    const linear = core.codeLinear(state.rip);
    let length = 0;
    while (length < MAX_INSTRUCTION_BYTES) {
      if (
        length > 0 &&
        decode(this.#code, 0, length, this.#bits, null, this.#instruction) !== DECODE_TRUNCATED
      )
        break;
      const at = core.mmu.wrap(linear + length);
      const host = core.mmu.translateCode(at, user);
      if (host < 0) break;
      const onPage = PAGE_BYTES - (host % PAGE_BYTES);
      const end = Math.min(MAX_INSTRUCTION_BYTES, length + onPage);
      this.#code.set(state.u8.subarray(host, host + end - length), length);
      length = end;
    }
    state.set(L.FAULT_VECTOR, fault[0]);
    state.set(L.FAULT_ERROR, fault[1]);
    state.setF64(L.FAULT_ADDRESS, fault[2]);
    return length;
  }

  #registers(): Map<string, bigint> {
    const { state } = this.#cpu.core;
    const is64 = this.#bits === 64;
    const all = new Map<string, bigint>();
    for (let number = 0; number < (is64 ? 16 : 8); number++) {
      const name = number < 8 ? `${is64 ? 'r' : 'e'}${gprNames[number]}` : `r${number}`;
      all.set(name, this.#value(L.GPR + number * 8, is64 ? 64 : 32));
    }
    all.set('flags', BigInt(state.rflags >>> 0));
    for (const [name, segment] of segments) all.set(name, BigInt(state.selector(segment)));
    for (const [name, offset] of controls) all.set(name, this.#value(offset, 64));
    for (let number = 0; number < (is64 ? 16 : 8); number++) {
      const at = L.XMM + number * 16;
      all.set(`xmm${number}`, (this.#value(at + 8, 64) << 64n) | this.#value(at, 64));
    }
    return all;
  }
}

export function faultText(fault: FaultRecord | undefined): string {
  if (fault === undefined) return '';
  const code = fault.errorCode >= 0 ? ` error ${fault.errorCode.toString(16)}` : '';
  const at =
    fault.vector === 14 ? ` at ${BigInt.asUintN(64, BigInt(fault.address)).toString(16)}` : '';
  return `${fault.vector}${code}${at}`;
}

function hexText(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
