// TrapCpuDouble: a CPU of a page-table guest without instructions: a register file, segments that load by their descriptors, and one
// scripted action at a time in place of code. It says what a real one must do for hv-core, and nothing of how.
import type { CpuSegment, GuestExit, TrapCpu, Vcpu } from '@proxeny/hv-core';

const EXIT_BUDGET = 0;
const EXIT_HYPERCALL = 2;
const REGISTERS = 26;
const AX = 0;
const IP = 16;
const GP = 13;

/** What the CPU does when it runs next: something on its own, or a hypercall. */
export type CpuAction = (() => void) | 'hypercall';

export class TrapCpuDouble implements TrapCpu {
  readonly takesTraps = true as const;
  readonly vcpu: Vcpu;
  executed = 0;
  readonly low: Uint32Array = new Uint32Array(REGISTERS);
  readonly high: Uint32Array = new Uint32Array(REGISTERS);
  readonly selectors: Uint16Array = new Uint16Array(6);
  /** The next action; null: nothing to do. */
  action: CpuAction | null = null;
  root = -1;
  isKernelMode = true;
  isTaskSwitched = false;
  control4 = 0;
  timeStampAux = 0;
  extendedControl = 1;
  timeStamp = 0x1_2345_6789;
  floatingPoint: Uint8Array | null = null;
  /** Leaves by number; others are 0. */
  readonly leaves: Map<number, readonly number[]> = new Map([
    [0, [0x16, 0x756e_6547, 0x6c65_746e, 0x4965_6e69]],
    [1, [0x6_0fb1, 0x0100_0800, 0xffff_ffff, 0xffff_ffff]],
    [7, [1, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff]],
    [0x8000_0000, [0x8000_0021, 0, 0, 0]],
    [0x8000_0001, [0, 0, 0xffff_ffff, 0xffff_ffff]],
  ]);

  /** MSRs of the processor: microcode, ARCH_CAPABILITIES, MISC_ENABLE, LSTAR. */
  readonly msrs: Map<number, number> = new Map([
    [0x8b, 0x21],
    [0x10a, 0x2b],
    [0x1a0, 0x4_0081],
    [0xc000_0082, 0x1234],
  ]);

  constructor(vcpu: Vcpu) {
    this.vcpu = vcpu;
  }

  get word(): 32 | 64 {
    return this.vcpu.domain.word;
  }

  run(): GuestExit {
    this.executed = 1;
    const { action } = this;
    this.action = null;
    if (action === 'hypercall') return EXIT_HYPERCALL;
    action?.();
    return EXIT_BUDGET;
  }

  // Hypercalls: RDI RSI RDX R10 R8 R9, or EBX ECX EDX ESI EDI EBP.

  #argument(index: number): number {
    return (this.word === 64 ? [7, 6, 2, 10, 8, 9] : [3, 1, 2, 6, 7, 5])[index] as number;
  }

  hypercallNumber(): number {
    return this.low[AX] as number;
  }

  hypercallArguments(low: Uint32Array, high: Uint32Array, count: number): void {
    for (let i = 0; i < count; i++) {
      low[i] = this.low[this.#argument(i)] as number;
      high[i] = this.high[this.#argument(i)] as number;
    }
  }

  setHypercallArg(index: number, low: number, high: number): void {
    this.write(this.#argument(index), low, high);
  }

  finishHypercall(result: number): void {
    this.write(AX, result >>> 0, Math.floor(result / 2 ** 32) >>> 0);
  }

  restartHypercall(): void {
    this.action = 'hypercall';
  }

  upcall(): void {
    throw new Error('hv-core makes the event frames of a CPU that takes traps');
  }

  // Registers

  readLow(register: number): number {
    return this.low[register] as number;
  }

  readHigh(register: number): number {
    return this.high[register] as number;
  }

  write(register: number, low: number, high: number): void {
    this.low[register] = low;
    this.high[register] = this.word === 32 ? 0 : high;
  }

  /** A register of 64 bits, exactly. */
  get(register: number): bigint {
    return (BigInt(this.readHigh(register)) << 32n) | BigInt(this.readLow(register));
  }

  set(register: number, value: bigint | number): void {
    const big = BigInt.asUintN(64, BigInt(value));
    this.write(register, Number(big & 0xffff_ffffn), Number(big >> 32n));
  }

  // Segments

  selector(segment: CpuSegment): number {
    return this.selectors[segment] as number;
  }

  #descriptor(selector: number): readonly [low: number, high: number] | null {
    const at = this.vcpu.traps?.descriptorAt(selector) ?? -1;
    if (at < 0) return null;
    const { view } = this.vcpu.domain.hypervisor.memory;
    return [view.getUint32(at, true), view.getUint32(at + 4, true)];
  }

  loadSegment(segment: CpuSegment, selector: number): boolean {
    if (selector > 3) {
      const descriptor = this.#descriptor(selector);
      if (!descriptor) return false;
      const [low, high] = descriptor;
      const isSegment = (high & 0x9000) === 0x9000;
      const isReadable = (high & 0x800) === 0 || (high & 0x200) !== 0;
      const level = (high >>> 13) & 3;
      const needed = Math.max(this.selector(1) & 3, selector & 3);
      if (!isSegment || !isReadable || level < needed) return false;
      const base = ((low >>> 16) | ((high & 0xff) << 16) | (high & 0xff00_0000)) >>> 0;
      if (segment >= 4) this.write(14 + segment, base, 0);
    } else if (segment >= 4) this.write(14 + segment, 0, 0);
    this.selectors[segment] = selector;
    return true;
  }

  returnTo(code: number, stack: number): number {
    const level = code & 3;
    const cs = code < 4 ? null : this.#descriptor(code);
    if (!cs) return GP * 0x1_0000 + (code & 0xfffc);
    const isCode = (cs[1] & 0x9800) === 0x9800 && ((cs[1] >>> 13) & 3) === level;
    if (!isCode) return GP * 0x1_0000 + (code & 0xfffc);
    const ss = stack < 4 ? null : this.#descriptor(stack);
    const isLong = (cs[1] & 0x20_0000) !== 0;
    const isData = ss !== null && (ss[1] & 0x9a00) === 0x9200;
    const isStack = isData && ((ss[1] >>> 13) & 3) === level && (stack & 3) === level;
    if (!isStack && !(isLong && stack === 3)) return GP * 0x1_0000 + (stack & 0xfffc);
    const top = ((this.high[IP] as number) | 0) >> 15;
    if (isLong && top !== 0 && top !== -1) return GP * 0x1_0000;
    this.selectors[1] = code;
    this.selectors[2] = stack;
    return 0;
  }

  // Modes

  setPageTables(root: number, isKernelMode: boolean): void {
    this.root = root;
    this.isKernelMode = isKernelMode;
  }

  setTaskSwitched(isSet: boolean): void {
    this.isTaskSwitched = isSet;
  }

  setControl4(bits: number): void {
    this.control4 = bits;
  }

  setExtendedControl(low: number, high: number): boolean {
    if ((low & 1) === 0 || (low & ~7) !== 0 || high !== 0) return false;
    this.extendedControl = low;
    return true;
  }

  loadFloatingPoint(image: Uint8Array | null): void {
    this.floatingPoint = image ? image.slice() : null;
  }

  // Facts

  readCode(target: Uint8Array): number {
    const address = ((this.high[IP] as number) | 0) * 2 ** 32 + (this.low[IP] as number);
    if (this.vcpu.currentAccess.copyFrom(address, target)) return target.length;
    for (let i = 0; i < target.length; i++) {
      if (!this.vcpu.currentAccess.copyFrom(address + i, target.subarray(i, i + 1))) return i;
    }
    return target.length;
  }

  cpuid(leaf: number, _subleaf: number, out: Uint32Array): void {
    out.set(this.leaves.get(leaf) ?? [0, 0, 0, 0]);
  }

  readMsr(index: number, out: Uint32Array): boolean {
    const value = this.msrs.get(index);
    if (value === undefined) return false;
    out[0] = value;
    out[1] = 0;
    return true;
  }

  readTimeStamp(out: Uint32Array): void {
    out[0] = this.timeStamp >>> 0;
    out[1] = Math.floor(this.timeStamp / 2 ** 32);
  }

  setTimeStampAux(value: number): void {
    this.timeStampAux = value;
  }

  /** All of it, to compare before with after. */
  describe(): unknown {
    const { low, high, selectors, root, isKernelMode, isTaskSwitched, control4 } = this;
    return {
      low: [...low],
      high: [...high],
      selectors: [...selectors],
      root,
      isKernelMode,
      isTaskSwitched,
      control4,
    };
  }
}
