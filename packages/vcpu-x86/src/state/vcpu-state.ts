// TypeScript's view of a vCPU's state page (layout.ts): typed accessors over the machine's one memory. 64-bit values that are
// addresses or counters go as doubles (exact below 2^53, which canonical addresses are); others as two 32-bit halves.
// @hot

import {
  CPL,
  FAULT_ADDRESS,
  FAULT_ERROR,
  FAULT_VECTOR,
  FLAG_AUX,
  FLAG_RESULT,
  FLAGS_OTHER,
  GPR,
  PENDING,
  RIP,
  SEGMENT_ATTRIBUTES,
  SEGMENT_BASE,
  SEGMENT_LIMIT,
  SEGMENT_STRIDE,
  SEGMENTS,
  SELECTORS,
} from './layout.js';
import { type MoveBytes, moveBytesIn } from './move-bytes.js';

const TWO32 = 4294967296;

export class VcpuState {
  readonly memory: WebAssembly.Memory;
  /** Byte offset of the state page in the machine's memory. */
  readonly base: number;
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly f64: Float64Array;
  readonly view: DataView;
  readonly moveBytes: MoveBytes;
  private readonly words: number;

  constructor(memory: WebAssembly.Memory, base: number) {
    this.memory = memory;
    this.base = base;
    this.words = base >> 2;
    this.u8 = new Uint8Array(memory.buffer);
    this.u16 = new Uint16Array(memory.buffer);
    this.i32 = new Int32Array(memory.buffer);
    this.u32 = new Uint32Array(memory.buffer);
    this.f64 = new Float64Array(memory.buffer);
    this.view = new DataView(memory.buffer);
    this.moveBytes = moveBytesIn(memory);
  }

  /** Signed 32 bits at a layout offset. */
  get(offset: number): number {
    return this.i32[this.words + (offset >> 2)];
  }
  /** Unsigned 32 bits at a layout offset. */
  getU(offset: number): number {
    return this.u32[this.words + (offset >> 2)];
  }
  set(offset: number, value: number): void {
    this.i32[this.words + (offset >> 2)] = value;
  }
  getU8(offset: number): number {
    return this.u8[this.base + offset];
  }
  setU8(offset: number, value: number): void {
    this.u8[this.base + offset] = value;
  }
  getU16(offset: number): number {
    return this.u16[(this.base + offset) >> 1];
  }
  setU16(offset: number, value: number): void {
    this.u16[(this.base + offset) >> 1] = value;
  }
  /** Signed 64 bits as a double: exact for canonical addresses. */
  get64(offset: number): number {
    const w = this.words + (offset >> 2);
    return this.i32[w + 1] * TWO32 + this.u32[w];
  }
  /** Unsigned 64 bits as a double: exact below 2^53. */
  getU64(offset: number): number {
    const w = this.words + (offset >> 2);
    return this.u32[w + 1] * TWO32 + this.u32[w];
  }
  /** Stores an integer of magnitude below 2^63 as 64 bits. */
  set64(offset: number, value: number): void {
    const high = Math.floor(value / TWO32);
    const w = this.words + (offset >> 2);
    this.i32[w] = value - high * TWO32;
    this.i32[w + 1] = high;
  }
  setHalves(offset: number, low: number, high: number): void {
    const w = this.words + (offset >> 2);
    this.i32[w] = low;
    this.i32[w + 1] = high;
  }
  getF64(offset: number): number {
    return this.f64[(this.base + offset) >> 3];
  }
  setF64(offset: number, value: number): void {
    this.f64[(this.base + offset) >> 3] = value;
  }

  get rip(): number {
    return this.get64(RIP);
  }
  set rip(value: number) {
    this.set64(RIP, value);
  }
  get cpl(): number {
    return this.get(CPL);
  }
  /** Low 32 bits of a general register, unsigned. */
  gpr32(number: number): number {
    return this.getU(GPR + number * 8);
  }
  /** Writes 32 bits and clears the upper half. */
  setGpr32(number: number, value: number): void {
    this.setHalves(GPR + number * 8, value | 0, 0);
  }
  /** The whole register as a signed double (exact when canonical). */
  gpr64(number: number): number {
    return this.get64(GPR + number * 8);
  }
  setGpr64(number: number, value: number): void {
    this.set64(GPR + number * 8, value);
  }

  segmentBase(segment: number): number {
    return this.get64(SEGMENTS + segment * SEGMENT_STRIDE + SEGMENT_BASE);
  }
  segmentLimit(segment: number): number {
    return this.getU(SEGMENTS + segment * SEGMENT_STRIDE + SEGMENT_LIMIT);
  }
  segmentAttributes(segment: number): number {
    return this.getU(SEGMENTS + segment * SEGMENT_STRIDE + SEGMENT_ATTRIBUTES);
  }
  selector(segment: number): number {
    return this.getU(SELECTORS + segment * SEGMENT_STRIDE);
  }

  /** RFLAGS, bits 0–31 (the upper half is zero), from the lazy form of ir/flags.ts. */
  get rflags(): number {
    const aux = this.get(FLAG_AUX);
    const low = this.get(FLAG_RESULT);
    const high = this.get(FLAG_RESULT + 4);
    let parity = (low ^ (aux >> 8)) & 0xff;
    parity ^= parity >> 4;
    const pf = (0x9669 >> (parity & 15)) & 1;
    const zf = (low | high) === 0 ? 1 : 0;
    const sf = (high >>> 31) ^ (aux & 1);
    const cf = aux >>> 31;
    const of = cf ^ ((aux >>> 30) & 1);
    return (
      this.get(FLAGS_OTHER) | cf | (pf << 2) | ((aux & 8) << 1) | (zf << 6) | (sf << 7) | (of << 11)
    );
  }
  set rflags(value: number) {
    const zf = (value >> 6) & 1;
    const cf = value & 1;
    this.setHalves(FLAG_RESULT, zf ^ 1, 0);
    const carries = (cf << 31) | ((cf ^ ((value >> 11) & 1)) << 30);
    this.set(
      FLAG_AUX,
      carries | (((value >> 4) & 1) << 3) | ((value >> 7) & 1) | ((((value >> 2) & 1) ^ zf) << 8),
    );
    this.set(FLAGS_OTHER, (value & ~0x8d5) | 2);
  }

  addPending(bits: number): void {
    this.set(PENDING, this.get(PENDING) | bits);
  }
  clearPending(bits: number): void {
    this.set(PENDING, this.get(PENDING) & ~bits);
  }

  /** Records a fault. `errorCode` -1: the vector has none. Returns -1, what slow paths and routines return for a fault. */
  fault(vector: number, errorCode: number): number {
    this.set(FAULT_VECTOR, vector);
    this.set(FAULT_ERROR, errorCode);
    return -1;
  }
  /** Records a page fault at `linear`. */
  pageFault(errorCode: number, linear: number): number {
    this.setF64(FAULT_ADDRESS, linear);
    return this.fault(14, errorCode);
  }
}
