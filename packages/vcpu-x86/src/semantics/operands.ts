// What a semantics function sees of its instruction: operands by position, whatever their encoding; memory, registers and
// immediates read and write alike. Order of effects: reads and `modify` first, then writes; nothing after a store may fault
// unless the store itself did (faults leave registers, flags and memory as they were).
import type { Builder, Value } from '../ir/builder.js';
import type { Access, Bits, SlotRef } from '../ir/node.js';
import type { Operand } from '../isa/operand.js';
import {
  BLOCK_RIP,
  CS,
  DS,
  ES,
  FPU_REGISTERS,
  FS,
  GPR,
  GS,
  SEGMENT_STRIDE,
  SEGMENTS,
  SELECTORS,
  SS,
  XMM,
} from '../state/layout.js';
import type { Binding } from './binding.js';
import { isMemoryOperand, type Mode, type Shape, widthBits } from './shape.js';

export const RAX = 0;
export const RCX = 1;
export const RDX = 2;
export const RBX = 3;
export const RSP = 4;
export const RBP = 5;
export const RSI = 6;
export const RDI = 7;

const fixedSegments: Readonly<Record<string, number>> = { ES, CS, SS, DS, FS, GS };
const fixedRegisters: Readonly<Record<string, number>> = {
  AL: RAX,
  AX: RAX,
  rAX: RAX,
  eAX: RAX,
  CL: RCX,
  DX: RDX,
  rDX: RDX,
};

export class Operands {
  readonly b: Builder;
  readonly shape: Shape;
  readonly binding: Binding;
  /** Width of operand 0 in bits. */
  readonly bits: Bits;
  private effectiveValue: Value | null = null;
  private updating: { readonly linear: Value; readonly load: Value } | null = null;

  constructor(b: Builder, shape: Shape, binding: Binding) {
    this.b = b;
    this.shape = shape;
    this.binding = binding;
    this.bits = (shape.row.operands.length > 0 ? this.bitsOf(0) : shape.operandBits) as Bits;
  }

  get mode(): Mode {
    return this.shape.mode;
  }
  get mnemonic(): string {
    return this.shape.row.mnemonic;
  }
  /** 16, 32 or 64: the effective operand size (byte forms differ only in their operands' widths). */
  get operandBits(): 16 | 32 | 64 {
    return this.shape.operandBits;
  }
  get addressBits(): 16 | 32 | 64 {
    return this.shape.addressBits;
  }
  get count(): number {
    return this.shape.row.operands.length;
  }
  operand(i: number): Operand {
    return this.shape.row.operands[i];
  }
  /** Width of operand `i` in bits. */
  bitsOf(i: number): Bits {
    return widthBits(this.operand(i), this.shape.operandBits, this.shape.mode) as Bits;
  }
  isMemory(i: number): boolean {
    return isMemoryOperand(this.operand(i), this.shape.isRegister);
  }

  // Registers by number
  /** General register, zero-extended: i32 up to 32 bits, else i64. */
  getRegister(number: number, bits: Bits): Value {
    return this.b.get(GPR + number * 8, bits);
  }
  /** Writes a general register; 32-bit writes clear the upper half (SDM vol. 1 §3.4.1.1). */
  setRegister(number: number, bits: Bits, value: Value): void {
    this.putGpr({ offset: GPR + number * 8 }, bits, value);
  }
  private putGpr(slot: SlotRef, bits: Bits, value: Value): void {
    if (bits === 32) this.b.set(0, 64, this.b.extendU(this.b.wrap(value)), slot);
    else this.b.set(0, bits, value, slot);
  }

  // Operands by position
  /** Value of operand `i`: 8 to 32 bits zero-extended in i32, 64 in i64, 128 as v128; immediates sign-extended to the width first. */
  read(i: number): Value {
    const { b } = this;
    const o = this.operand(i);
    const bits = this.bitsOf(i);
    if (this.isMemory(i)) return b.load(this.linear(i, bits, false), this.access(i, bits));
    switch (o.addressing) {
      case 'G':
        return b.get(0, bits, this.binding.slot('reg'));
      case 'E':
      case 'R':
      case 'Z':
        return b.get(0, bits, this.binding.slot('rm'));
      case 'V':
        return b.get(XMM, bits, this.binding.slot('reg'));
      case 'W':
      case 'U':
        return b.get(XMM, bits, this.binding.slot('rm'));
      case 'P':
        return b.get(FPU_REGISTERS, bits, this.binding.slot('reg'));
      case 'Q':
      case 'N':
        return b.get(FPU_REGISTERS, bits, this.binding.slot('rm'));
      case 'S':
        return b.get(SELECTORS, 16, this.binding.slot('reg'));
      case 'C':
      case 'D':
        return this.binding.number(b, 'reg');
      case 'T':
        return this.binding.number(b, 'rm');
      case 'I':
        return this.immediate(bits);
      case 'fixed':
        return this.readFixed(o, bits);
      default:
        throw new Error(`${this.mnemonic}: operand ${o.addressing} has no value`);
    }
  }
  private immediate(bits: Bits): Value {
    const { b } = this;
    if (bits === 64)
      return this.isWideImmediate()
        ? this.binding.immediate64(b)
        : this.binding.immediate(b, 'i64');
    return b.zeroExtend(this.binding.immediate(b, 'i32'), bits);
  }
  /** MOV r64, imm64 is the one instruction with an eight-byte immediate. */
  private isWideImmediate(): boolean {
    return this.operand(this.count - 1).width === 'v';
  }
  private readFixed(o: Operand, bits: Bits): Value {
    const name = o.fixed ?? '';
    if (name === 'AH') return this.b.get(GPR + 1, 8);
    if (name in fixedRegisters) return this.getRegister(fixedRegisters[name], bits);
    if (name in fixedSegments)
      return this.b.get(SELECTORS + fixedSegments[name] * SEGMENT_STRIDE, 16);
    if (name === '1' || name === '3') return this.b.i32(Number(name));
    if (name === 'XMM0') return this.b.get(XMM, 128);
    throw new Error(`${this.mnemonic}: ${name} has no value`);
  }
  /** Operand `i`, sign-extended to `bits`. */
  readSigned(i: number, bits: Bits): Value {
    return this.b.resizeS(this.read(i), this.bitsOf(i), bits);
  }
  /** Operand 0 for reading and writing back: a memory operand is checked for writing, so that the write cannot fault. */
  modify(): Value {
    if (!this.isMemory(0)) return this.read(0);
    const linear = this.linear(0, this.bits, true);
    const load = this.b.loadForUpdate(linear, this.access(0, this.bits));
    this.updating = { linear, load };
    return load;
  }
  /** Writes operand `i`; bits above its width are ignored. */
  write(i: number, value: Value): void {
    const { b } = this;
    const o = this.operand(i);
    const bits = this.bitsOf(i);
    if (this.isMemory(i)) {
      if (i === 0 && this.updating)
        b.store(this.updating.linear, value, this.access(i, bits), this.updating.load);
      else b.store(this.linear(i, bits, true), value, this.access(i, bits));
      return;
    }
    switch (o.addressing) {
      case 'G':
        return this.putGpr(this.binding.slot('reg'), bits, value);
      case 'E':
      case 'R':
      case 'Z':
        return this.putGpr(this.binding.slot('rm'), bits, value);
      case 'V':
        return b.set(XMM, bits, value, this.binding.slot('reg'));
      case 'W':
      case 'U':
        return b.set(XMM, bits, value, this.binding.slot('rm'));
      case 'P':
        return b.set(FPU_REGISTERS, bits, value, this.binding.slot('reg'));
      case 'Q':
      case 'N':
        return b.set(FPU_REGISTERS, bits, value, this.binding.slot('rm'));
      case 'fixed': {
        if (o.fixed === 'AH') return b.set(GPR + 1, 8, value);
        const number = fixedRegisters[o.fixed ?? ''];
        if (number !== undefined) return this.setRegister(number, bits, value);
      }
    }
    throw new Error(`${this.mnemonic}: operand ${o.addressing} cannot be written`);
  }
  /** Writes operand 0. */
  result(value: Value): void {
    this.write(0, value);
  }

  // Memory operands
  private access(i: number, bits: Bits): Access {
    const a = this.operand(i).addressing;
    return {
      bits,
      segment: a === 'Y' ? { offset: ES * SEGMENT_STRIDE } : this.binding.slot('segment'),
    };
  }
  /** Effective address (i64, zero-extended from the address size): what LEA yields. */
  effective(i: number = this.memoryOperand()): Value {
    if (this.effectiveValue) return this.effectiveValue;
    const { b, addressBits } = this;
    const a = this.operand(i).addressing;
    if (a === 'X' || a === 'Y') return this.indexRegister(a === 'X' ? RSI : RDI);
    if (a === 'O') {
      const at =
        addressBits === 64
          ? this.binding.immediate64(b)
          : b.extendU(this.binding.immediate(b, 'i32'));
      this.effectiveValue = addressBits === 16 ? b.andc(at, 0xffff) : at;
      return this.effectiveValue;
    }
    const type = addressBits === 64 ? 'i64' : 'i32';
    const bits = addressBits === 64 ? 64 : 32;
    let sum = this.binding.displacement(b, type);
    if (this.shape.indexed && !this.binding.lacks('index')) {
      const index = b.get(0, bits, this.binding.slot('index'));
      const scale = this.binding.scale(b);
      sum = b.add(sum, scale ? b.shl(index, type === 'i64' ? b.extendU(scale) : scale) : index);
    }
    if (!this.binding.lacks('base')) sum = b.add(b.get(0, bits, this.binding.slot('base')), sum);
    this.effectiveValue = addressBits === 16 ? b.extendU(b.andc(sum, 0xffff)) : b.extendU(sum);
    return this.effectiveValue;
  }
  private memoryOperand(): number {
    for (let i = 0; i < this.count; i++) if (this.isMemory(i)) return i;
    throw new Error(`${this.mnemonic} has no memory operand`);
  }
  /** rSI, rDI, rCX… at the address size, as i64. */
  indexRegister(number: number): Value {
    return this.b.extendU(this.b.get(GPR + number * 8, this.addressBits));
  }
  /** Linear address (i64) of memory operand `i` for an access of `bits`, after segment checks. */
  linear(i: number, bits: number, write: boolean): Value {
    return this.linearAt(
      this.effective(i),
      this.access(i, bits as Bits),
      write,
      this.segmentedAt(i),
    );
  }
  /** Overrides do not reach ES:rDI. */
  private segmentedAt(i: number): boolean {
    return !this.mode.flat || (this.shape.segmented && this.operand(i).addressing !== 'Y');
  }
  /** Linear address of an effective address in a segment. */
  linearAt(
    effective: Value,
    access: Access,
    write: boolean,
    segmented: boolean = !this.mode.flat,
  ): Value {
    if (!segmented) return effective;
    const { b } = this;
    if (this.mode.bits !== 64) return b.segment(effective, access, write);
    return b.add(b.get(SEGMENTS, 64, access.segment), effective);
  }
  /** Memory of `bits` at `offset` bytes into memory operand `i` (a value wider than the operand's own width says). */
  readAt(i: number, offset: number, bits: Bits): Value {
    return this.b.load(this.linearOffset(i, offset, bits, false), this.access(i, bits));
  }
  writeAt(i: number, offset: number, bits: Bits, value: Value): void {
    this.b.store(this.linearOffset(i, offset, bits, true), value, this.access(i, bits));
  }
  private linearOffset(i: number, offset: number, bits: Bits, write: boolean): Value {
    const e = this.effective(i);
    const at = offset === 0 ? e : this.wrapAddress(this.b.addc(e, offset));
    return this.linearAt(at, this.access(i, bits), write, this.segmentedAt(i));
  }
  private wrapAddress(v: Value): Value {
    return this.addressBits === 64
      ? v
      : this.b.andc(v, this.addressBits === 16 ? 0xffffn : 0xffffffffn);
  }

  // The stack
  private stackLinear(pointer: Value, bits: Bits, write: boolean): Value {
    return this.linearAt(this.b.extendU(pointer), this.stackAccess(bits), write);
  }
  private stackAccess(bits: Bits): Access {
    return { bits, segment: { offset: SS * SEGMENT_STRIDE } };
  }
  stackPointer(): Value {
    return this.b.get(GPR + RSP * 8, this.mode.stackBits);
  }
  setStackPointer(v: Value): void {
    this.setRegister(RSP, this.mode.stackBits, v);
  }
  /** The stack pointer moved by `bytes`, wrapped to the stack's width. */
  movedStack(pointer: Value, bytes: number): Value {
    return this.b.zeroExtend(this.b.addc(pointer, bytes), this.mode.stackBits);
  }
  /** Pushes `bits` (16, 32, 64). */
  push(bits: Bits, value: Value): void {
    const sp = this.movedStack(this.stackPointer(), -bits / 8);
    this.b.store(this.stackLinear(sp, bits, true), value, this.stackAccess(bits));
    this.setStackPointer(sp);
  }
  /** Reads the stack at `offset` bytes above its pointer; changes nothing. */
  peek(bits: Bits, offset = 0): Value {
    return this.peekAt(bits, this.movedStack(this.stackPointer(), offset));
  }
  /** Reads the stack at an explicit pointer (of the stack's width). */
  peekAt(bits: Bits, pointer: Value): Value {
    return this.b.load(this.stackLinear(pointer, bits, false), this.stackAccess(bits));
  }
  /** Writes the stack at an explicit pointer; changes no register. */
  pokeAt(bits: Bits, pointer: Value, value: Value): void {
    this.b.store(this.stackLinear(pointer, bits, true), value, this.stackAccess(bits));
  }
  /** Adds `bytes` to the stack pointer. */
  drop(bytes: number): void {
    this.setStackPointer(this.movedStack(this.stackPointer(), bytes));
  }

  // Instruction pointer, i64
  private codeWrap(v: Value): Value {
    return this.mode.bits === 64 ? v : this.b.andc(v, 0xffffffffn);
  }
  next(): Value {
    return this.codeWrap(
      this.b.add(this.b.get(BLOCK_RIP, 64), this.b.extendS(this.binding.nextOffset(this.b))),
    );
  }
  current(): Value {
    const { b } = this;
    const start = b.sub(this.binding.nextOffset(b), this.binding.length(b));
    return this.codeWrap(b.add(b.get(BLOCK_RIP, 64), b.extendS(start)));
  }
  /** Target of the relative branch, wrapped by the operand size (SDM vol. 2A, JMP). */
  target(): Value {
    return this.nearTarget(this.b.add(this.next(), this.binding.immediate(this.b, 'i64')));
  }
  /** A near branch target as the operand size leaves it. */
  nearTarget(v: Value): Value {
    const wide = this.b.extendU(v);
    if (this.operandBits === 16) return this.b.andc(wide, 0xffffn);
    return this.mode.bits === 64 ? wide : this.b.andc(wide, 0xffffffffn);
  }
}

/** The meaning of an instruction, written once for every tier. */
export type Semantics = (b: Builder, x: Operands) => void;
