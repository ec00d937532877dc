// The reference evaluator: executes IR directly, slowly and plainly. It is one half of every comparison (cold = hot =
// reference), so it shares nothing with the emitter but the node types. i32 are numbers, i64 bigints, v128 byte arrays.
import type { Mmu } from '../mmu/mmu.js';
import {
  BLOCK_RIP,
  RIP,
  SCRATCH,
  SEGMENT_BASE,
  SEGMENT_READ_LIMIT,
  SEGMENT_STRIDE,
  SEGMENT_WRITE_LIMIT,
  SEGMENTS,
} from '../state/layout.js';
import { checkSegment } from '../state/segments.js';
import type { VcpuState } from '../state/vcpu-state.js';
import { evaluateFloat } from './evaluate-float.js';
import { evaluateSimd } from './evaluate-simd.js';
import type { IrValue, Scalar } from './ir-value.js';
import type { Access, Local, Node, StateSlot } from './node.js';

/** What an evaluation needs besides the IR. */
export interface EvaluateContext {
  readonly state: VcpuState;
  readonly mmu: Mmu;
  /** Calls a routine by name; -1: a fault is recorded. */
  call(routine: string, args: readonly number[]): number;
  /** rIP of the instruction and of the one behind it. */
  readonly rip: number;
  readonly nextRip: number;
}

/** How an instruction ended: went on to the next, moved rIP, or recorded a fault. */
export type Outcome = 'next' | 'jump' | 'fault';

class Leave extends Error {}
const LEAVE = new Leave();
class End extends Error {
  readonly outcome: Outcome;
  constructor(outcome: Outcome) {
    super();
    this.outcome = outcome;
  }
}
// Made once: an error's stack takes longer to write down than an instruction.
const JUMP = new End('jump');
const FAULT = new End('fault');

/** Runs one instruction's IR. The state's rIP is current afterwards: next instruction, target, or (fault) unchanged. */
export function evaluate(statements: readonly Node[], context: EvaluateContext): Outcome {
  const { state } = context;
  state.set64(BLOCK_RIP, context.rip);
  try {
    new Evaluation(context).run(statements);
  } catch (e) {
    if (e instanceof End) {
      if (e.outcome === 'fault') state.set64(RIP, context.rip);
      return e.outcome;
    }
    throw e;
  }
  state.set64(RIP, context.nextRip);
  return 'next';
}

class Evaluation {
  private readonly context: EvaluateContext;
  private readonly state: VcpuState;
  private readonly values = new Map<Node, IrValue>();
  private readonly locals = new Map<Local, IrValue>();

  constructor(context: EvaluateContext) {
    this.context = context;
    this.state = context.state;
  }

  run(statements: readonly Node[]): void {
    for (const node of statements) this.step(node);
  }
  private value(node: Node): IrValue {
    const v = this.values.get(node);
    if (v === undefined)
      throw new Error(`IR uses ${node.op} before it is computed (or from another branch)`);
    return v;
  }
  private number(node: Node): number {
    return this.value(node) as number;
  }
  private slot(ref: StateSlot): number {
    if ('local' in ref) return this.locals.get(ref.local) as number;
    if ('field' in ref) throw new Error('the reference evaluator has no decoded records');
    return ref.offset;
  }
  private fault(): never {
    throw FAULT;
  }

  private step(node: Node): void {
    const result = this.compute(node);
    if (result !== undefined) this.values.set(node, result);
  }

  private compute(node: Node): IrValue | undefined {
    const { state } = this;
    switch (node.op) {
      case 'const':
        return node.type === 'i32'
          ? Number(node.value)
          : node.type === 'i64'
            ? node.value
            : bytesOf(node.value);
      case 'field':
        throw new Error('the reference evaluator has no decoded records');
      case 'get':
        return this.readBytes(state.base + node.base + this.slot(node.slot), node.bits);
      case 'set':
        return this.writeBytes(
          state.base + node.base + this.slot(node.slot),
          node.bits,
          this.value(node.args[0]),
        );
      case 'pure': {
        const args = node.args.map((a) => this.value(a));
        return pure(node.name, args, node.lanes);
      }
      case 'segment':
        return this.segment(node.args[0], node.access, node.write);
      case 'load':
        return this.load(node.args[0], node.access, node.update);
      case 'store':
        return this.store(node.args[0], node.args[1], node.access);
      case 'copy':
      case 'fill':
        return 0;
      case 'local': {
        const v = this.locals.get(node.local);
        if (v === undefined) throw new Error('IR reads a local before it is assigned');
        return v;
      }
      case 'assign': {
        this.locals.set(node.local, this.value(node.args[0]));
        return undefined;
      }
      case 'if': {
        this.run(this.number(node.args[0]) !== 0 ? node.body : node.otherwise);
        return undefined;
      }
      case 'expect':
        return undefined;
      case 'loop': {
        try {
          for (;;) this.run(node.body);
        } catch (e) {
          if (e !== LEAVE) throw e;
        }
        return undefined;
      }
      case 'leave':
        throw LEAVE;
      case 'raise': {
        state.fault(node.vector, node.args.length > 0 ? this.number(node.args[0]) : -1);
        return this.fault();
      }
      case 'call': {
        const r = this.context.call(
          node.routine,
          node.args.map((a) => this.number(a)),
        );
        return r < 0 ? this.fault() : r;
      }
      case 'transfer': {
        state.set64(RIP, this.context.nextRip);
        const r = this.context.call(
          node.routine,
          node.args.map((a) => this.number(a)),
        );
        if (r < 0) this.fault();
        throw JUMP;
      }
      case 'flags':
      case 'condition':
      case 'flag':
        throw new Error('the reference evaluator wants flags in the state page');
      case 'branch': {
        if (node.args.length === 2 && this.number(node.args[1]) === 0) return undefined;
        state.view.setBigInt64(state.base + RIP, this.value(node.args[0]) as bigint, true);
        throw JUMP;
      }
    }
  }

  private readBytes(at: number, bits: number): IrValue {
    const { view, u8 } = this.state;
    switch (bits) {
      case 8:
        return view.getUint8(at);
      case 16:
        return view.getUint16(at, true);
      case 32:
        return view.getInt32(at, true);
      case 64:
        return view.getBigInt64(at, true);
      default:
        return u8.slice(at, at + 16);
    }
  }
  private writeBytes(at: number, bits: number, value: IrValue): undefined {
    const { view, u8 } = this.state;
    if (bits === 128) u8.set(value as Uint8Array, at);
    else if (typeof value === 'bigint') {
      if (bits === 64) view.setBigInt64(at, value, true);
      else this.writeBytes(at, bits, Number(BigInt.asIntN(32, value)));
    } else if (bits === 8) view.setUint8(at, value as number);
    else if (bits === 16) view.setUint16(at, value as number, true);
    else if (bits === 32) view.setInt32(at, value as number, true);
    else throw new Error('a 64-bit write of an i32');
    return undefined;
  }

  private info(access: Access): number {
    return access.bits | (this.slot(access.segment) << 8);
  }
  private segment(effective: Node, access: Access, write: boolean): bigint {
    const { view, base } = this.state;
    const slot = this.slot(access.segment);
    const at = base + SEGMENTS + slot;
    const ea = this.value(effective) as bigint;
    const limit = view.getBigInt64(at + (write ? SEGMENT_WRITE_LIMIT : SEGMENT_READ_LIMIT), true);
    if (ea + BigInt(access.bits / 8 - 1) > limit) {
      if (checkSegment(this.state, slot / SEGMENT_STRIDE, Number(ea), access.bits / 8, write) < 0)
        this.fault();
    }
    return (view.getBigInt64(at + SEGMENT_BASE, true) + ea) & 0xffffffffn;
  }
  private load(address: Node, access: Access, update: boolean): IrValue {
    const { mmu } = this.context;
    const linear = Number(this.value(address));
    const ok = update
      ? mmu.updateSlow(linear, this.info(access))
      : mmu.readSlow(linear, this.info(access));
    if (ok < 0) this.fault();
    return this.readBytes(this.state.base + SCRATCH, access.bits);
  }
  private store(address: Node, value: Node, access: Access): undefined {
    this.writeBytes(this.state.base + SCRATCH, access.bits, this.value(value));
    if (this.context.mmu.writeSlow(Number(this.value(address)), this.info(access)) < 0)
      this.fault();
    return undefined;
  }
}

function bytesOf(value: bigint): Uint8Array {
  const bytes = new Uint8Array(16);
  for (let i = 0; i < 16; i++) bytes[i] = Number((value >> BigInt(i * 8)) & 0xffn);
  return bytes;
}

const bool = (v: boolean): number => (v ? 1 : 0);
const rotate = (v: bigint, n: bigint, width: bigint): bigint => {
  const mask = (1n << width) - 1n;
  const u = v & mask;
  const c = n % width;
  return ((u << c) | (u >> (width - c))) & mask;
};

/** A pure operation by its WebAssembly name (WebAssembly core specification 2.0 §4.3). */
function pure(name: string, args: readonly IrValue[], lanes: readonly number[]): IrValue {
  if (name === 'select') return (args[2] as number) !== 0 ? args[0] : args[1];
  const dot = name.indexOf('.');
  const type = name.slice(0, dot);
  if (type === 'f32' || type === 'f64') return evaluateFloat(name, args as readonly Scalar[]);
  if (type !== 'i32' && type !== 'i64') return evaluateSimd(name, args, lanes);
  const op = name.slice(dot + 1);
  switch (name) {
    case 'i32.wrap_i64':
      return Number(BigInt.asIntN(32, args[0] as bigint));
    case 'i64.extend_i32_u':
      return BigInt((args[0] as number) >>> 0);
    case 'i64.extend_i32_s':
      return BigInt(args[0] as number);
  }
  const width = type === 'i32' ? 32 : 64;
  const w = BigInt(width);
  const s = args.map((a) => BigInt(a as Scalar));
  const u = s.map((a) => BigInt.asUintN(width, a));
  const compared = comparison(op, s, u);
  if (compared !== null) return bool(compared);
  const r = BigInt.asIntN(width, arithmetic(op, s, u, w));
  return type === 'i32' ? Number(r) : r;
}

function comparison(op: string, s: readonly bigint[], u: readonly bigint[]): boolean | null {
  switch (op) {
    case 'eqz':
      return s[0] === 0n;
    case 'eq':
      return s[0] === s[1];
    case 'ne':
      return s[0] !== s[1];
    case 'lt_u':
      return u[0] < u[1];
    case 'lt_s':
      return s[0] < s[1];
    case 'le_u':
      return u[0] <= u[1];
    case 'le_s':
      return s[0] <= s[1];
    case 'gt_u':
      return u[0] > u[1];
    case 'gt_s':
      return s[0] > s[1];
    case 'ge_u':
      return u[0] >= u[1];
    case 'ge_s':
      return s[0] >= s[1];
    default:
      return null;
  }
}

function arithmetic(op: string, s: readonly bigint[], u: readonly bigint[], w: bigint): bigint {
  const count = u.length > 1 ? u[1] % w : 0n;
  switch (op) {
    case 'add':
      return s[0] + s[1];
    case 'sub':
      return s[0] - s[1];
    case 'mul':
      return s[0] * s[1];
    case 'div_u':
      return u[0] / u[1];
    case 'div_s':
      return s[0] / s[1];
    case 'rem_u':
      return u[0] % u[1];
    case 'rem_s':
      return s[0] % s[1];
    case 'and':
      return s[0] & s[1];
    case 'or':
      return s[0] | s[1];
    case 'xor':
      return s[0] ^ s[1];
    case 'shl':
      return s[0] << count;
    case 'shr_u':
      return u[0] >> count;
    case 'shr_s':
      return s[0] >> count;
    case 'rotl':
      return rotate(s[0], count, w);
    case 'rotr':
      return rotate(s[0], w - count, w);
    case 'clz':
      return w - BigInt(u[0] === 0n ? 0 : u[0].toString(2).length);
    case 'ctz': {
      if (u[0] === 0n) return w;
      let n = 0n;
      while (((u[0] >> n) & 1n) === 0n) n++;
      return n;
    }
    case 'popcnt':
      return BigInt(u[0].toString(2).replaceAll('0', '').length);
    case 'extend8_s':
      return BigInt.asIntN(8, s[0]);
    case 'extend16_s':
      return BigInt.asIntN(16, s[0]);
    case 'extend32_s':
      return BigInt.asIntN(32, s[0]);
    default:
      throw new Error(`the evaluator does not know ${op}`);
  }
}
