// TestProcessor: runs single instructions through decoder, semantics and the reference evaluator on a small flat machine
// (no paging, 64 KiB of RAM at address 0, #PF beyond). For unit tests of semantics.
import { CPU_FAULT } from '../fault.js';
import { Builder } from '../ir/builder.js';
import { evaluate, type Outcome } from '../ir/evaluate.js';
import type { Node } from '../ir/node.js';
import { decode } from '../isa/decode.js';
import { type CodeBits, Instruction } from '../isa/instruction.js';
import { Mmu } from '../mmu/mmu.js';
import { TLB_SET_SIZE, TLB_SETS, Tlb } from '../mmu/tlb.js';
import type { CpuPlatform } from '../platform.js';
import { BUDGET, FAULT_ERROR, FAULT_VECTOR, GPR, RIP } from '../state/layout.js';
import { VcpuState } from '../state/vcpu-state.js';
import { boundBinding } from './binding.js';
import { Operands, type Semantics } from './operands.js';
import { bindFields, Fields, type Mode, shapeOf } from './shape.js';

const RAM_BYTES = 0x10000;
const STATE_AT = RAM_BYTES;
const TLB_AT = STATE_AT + 0x1000;
const names = [
  'rax',
  'rcx',
  'rdx',
  'rbx',
  'rsp',
  'rbp',
  'rsi',
  'rdi',
  'r8',
  'r9',
  'r10',
  'r11',
  'r12',
  'r13',
  'r14',
  'r15',
];
const silentPlatform = {} as CpuPlatform;

export class TestProcessor {
  readonly state: VcpuState;
  readonly ram: DataView;
  private readonly mmu: Mmu;
  private readonly mode: Mode;
  private readonly table: Readonly<Record<string, Semantics>>;
  /** Answers to `b.call`; -1 a fault, as a real routine's wrapper gives it. */
  routine: (name: string, args: readonly number[]) => number = (name) => {
    throw new Error(`no routine ${name}`);
  };
  /** Accesses that reach this linear address raise #PF; RAM's end unless a test lowers it. */
  faultFrom: number = RAM_BYTES;

  constructor(
    bits: CodeBits,
    table: Readonly<Record<string, Semantics>>,
    stackBits: 16 | 32 | 64 = bits,
  ) {
    const memory = new WebAssembly.Memory({
      initial: (TLB_AT + TLB_SET_SIZE * TLB_SETS) / 65536 + 1,
    });
    this.state = new VcpuState(memory, STATE_AT);
    this.ram = new DataView(memory.buffer, 0, RAM_BYTES);
    this.mode = { bits, stackBits, flat: true };
    this.table = table;
    const stage = { mfnOf: (gfn: number) => gfn } as ConstructorParameters<typeof Mmu>[2];
    const code = { holdsCode: () => false, written: () => {} };
    this.mmu = new Mmu(this.state, new Tlb(memory, TLB_AT), stage, silentPlatform, code);
    this.state.rflags = 2;
    this.state.set(BUDGET, 1_000_000);
    this.set({ rsp: 0x8000 });
  }

  set(registers: Readonly<Record<string, number | bigint>>): void {
    for (const [name, value] of Object.entries(registers)) {
      this.state.view.setBigUint64(
        STATE_AT + GPR + names.indexOf(name) * 8,
        BigInt.asUintN(64, BigInt(value)),
        true,
      );
    }
  }
  get(name: string): bigint {
    return this.state.view.getBigUint64(STATE_AT + GPR + names.indexOf(name) * 8, true);
  }
  get rip(): bigint {
    return this.state.view.getBigUint64(STATE_AT + RIP, true);
  }
  /** Vector and error code of the last fault. */
  get fault(): readonly [vector: number, error: number] {
    return [this.state.get(FAULT_VECTOR), this.state.get(FAULT_ERROR)];
  }

  /** The instruction's IR with its operands bound. */
  program(code: string): { readonly statements: readonly Node[]; readonly length: number } {
    const bytes = Uint8Array.from(code.trim().split(/\s+/), (t) => Number.parseInt(t, 16));
    const i = new Instruction();
    const length = decode(bytes, 0, bytes.length, this.mode.bits, null, i);
    if (length !== bytes.length)
      throw new Error(`${code}: decoded ${length} of ${bytes.length} bytes`);
    const fields = new Fields();
    bindFields(i, this.mode, fields, length);
    fields.length = length;
    const b = new Builder();
    this.table[i.row.mnemonic](
      b,
      new Operands(b, shapeOf(i, this.mode), boundBinding(fields, length)),
    );
    return { statements: b.statements, length };
  }
  /** Executes one instruction at `rip`. */
  run(code: string, rip: number = 0x1000): Outcome {
    const { statements, length } = this.program(code);
    const { mmu } = this;
    const guarded = new Proxy(mmu, {
      get: (target, key) => {
        const member = Reflect.get(target, key);
        if (key !== 'readSlow' && key !== 'writeSlow' && key !== 'updateSlow') return member;
        return (linear: number, info: number) =>
          linear < 0 || linear + (info & 0xff) / 8 > this.faultFrom
            ? this.state.pageFault(key === 'readSlow' ? 0 : 2, linear)
            : (member as (l: number, i: number) => number).call(target, linear, info);
      },
    });
    const call = (name: string, args: readonly number[]): number => {
      try {
        return this.routine(name, args);
      } catch (e) {
        if (e === CPU_FAULT) return -1;
        throw e;
      }
    };
    return evaluate(statements, {
      state: this.state,
      mmu: guarded,
      call,
      rip,
      nextRip: rip + length,
    });
  }
}
