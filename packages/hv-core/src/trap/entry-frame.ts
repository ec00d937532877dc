// EntryFrame: how a page-table guest's kernel is entered: for exceptions, events, system calls, and after a segment that would not load.
// The frame is what the guest's iret hypercall takes back. A frame that cannot be written crashes the domain: there is nowhere to report
// it to. arch-x86/xen-x86_32.h, xen-x86_64.h.
//
// 64-bit, from the lowest address: RCX, R11, [error code], RIP, CS | mask << 32, RFLAGS, RSP, SS; the stack is aligned to 16 first.
// 32-bit: [error code], EIP, CS | mask << 16, EFLAGS, [ESP, SS, if from user mode].
// `mask` is evtchn_upcall_mask as it was; IF in the flags is its inverse. A failsafe frame has DS, ES, FS, GS below RIP.
import { FLAT_RING1_CS, FLAT_RING1_SS, FLAT_RING3_CS64, FLAT_RING3_SS64 } from '@proxeny/abi';
import { type Mfn, PAGE_SIZE } from '@proxeny/memory';
import type { Vcpu } from '../vcpu.js';
import type { PvState } from './pv-state.js';
import {
  baseOf,
  DESCRIPTOR_CODE,
  DESCRIPTOR_EXPAND_DOWN,
  DESCRIPTOR_PRESENT,
  DESCRIPTOR_SEGMENT,
  DESCRIPTOR_WRITABLE,
  limitOf,
} from './segment-descriptor.js';
import { CpuRegister, type TrapCpu } from './trap-cpu.js';
import type { EntryPoint } from './trap-table.js';

export const FLAG_TF = 1 << 8;
export const FLAG_IF = 1 << 9;
export const FLAG_DF = 1 << 10;
export const FLAG_IOPL = 3 << 12;
export const FLAG_NT = 1 << 14;
export const FLAG_RF = 1 << 16;
export const FLAG_VM = 1 << 17;
export const FLAG_AC = 1 << 18;

const TWO_32 = 4294967296;
const CLEARED_32 = FLAG_VM | FLAG_RF | FLAG_NT | FLAG_TF | FLAG_IOPL;
const CLEARED_64 = CLEARED_32 | FLAG_AC;

/** No error code is pushed. */
export const NO_ERROR_CODE = -1;

/** Frames that lie on two pages are put together here: at most 11 words of eight bytes. */
const scratch = new Uint8Array(96);
const scratchView = new DataView(scratch.buffer);

export class EntryFrame {
  readonly #vcpu: Vcpu;
  readonly #pv: PvState;
  /** Selectors of the interrupted context, if not those in the CPU: of a return that failed. -1: those in the CPU. */
  cs = -1;
  ss = -1;
  /** Flags to push that are not in the CPU: RF of a fault. */
  flags = 0;
  /** Where the next word is written to. */
  #view: DataView = scratchView;
  #at = 0;

  constructor(vcpu: Vcpu, pv: PvState) {
    this.#vcpu = vcpu;
    this.#pv = pv;
  }

  /** Enters the kernel at `entry`; false: the frame could not be made, and the domain has crashed. */
  enter(cpu: TrapCpu, entry: EntryPoint, errorCode: number, clearFlags: number): boolean {
    const isWide = this.#vcpu.domain.word === 64;
    const isDone = isWide
      ? this.#enter64(cpu, entry, errorCode, clearFlags)
      : this.#enter32(cpu, entry, errorCode);
    this.cs = -1;
    this.ss = -1;
    this.flags = 0;
    return isDone;
  }

  #word32(value: number): void {
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }

  #word64(low: number, high: number): void {
    this.#view.setUint32(this.#at, low, true);
    this.#view.setUint32(this.#at + 4, high, true);
    this.#at += 8;
  }

  #register(cpu: TrapCpu, register: CpuRegister): void {
    this.#word64(cpu.readLow(register), cpu.readHigh(register));
  }

  /** The words that follow are a frame at a linear address of the kernel; false: it cannot be written. */
  #open(address: number, length: number): boolean {
    const { access, domain } = this.#vcpu;
    const offset = address - Math.floor(address / PAGE_SIZE) * PAGE_SIZE;
    if (offset + length > PAGE_SIZE) {
      this.#view = scratchView;
      this.#at = 0;
      return access.isAccessible(address, length, true);
    }
    const to = access.space.translate(address, true);
    if (to < 0) return false;
    const { memory } = domain.hypervisor;
    this.#view = memory.view;
    this.#at = to;
    memory.onWrite?.(Math.floor(to / PAGE_SIZE) as Mfn);
    return true;
  }
  /** All its words are there. */
  #close(address: number): void {
    if (this.#view === scratchView)
      this.#vcpu.access.copyTo(address, scratch.subarray(0, this.#at));
  }

  /** The mask as it was; upcalls are masked now if `masks`. */
  #takeMask(masks: boolean): number {
    const { bytes } = this.#vcpu.domain.hypervisor.memory;
    const at = this.#vcpu.info + 1;
    const mask = bytes[at] as number;
    if (masks) bytes[at] = mask | 1;
    return mask;
  }

  /** Flags as the guest is told: its own IF and, if it wants that, IOPL. */
  #flagsFor(cpu: TrapCpu, mask: number): number {
    let flags = (cpu.readLow(CpuRegister.flags) | this.flags) & ~(FLAG_IF | FLAG_IOPL);
    if (mask === 0) flags |= FLAG_IF;
    if (this.#vcpu.hasArchitecturalIoLevel) flags |= this.#pv.ioLevel << 12;
    return flags;
  }

  #enter64(cpu: TrapCpu, entry: EntryPoint, errorCode: number, clearFlags: number): boolean {
    const pv = this.#pv;
    const ss = this.ss < 0 ? cpu.selector(2) : this.ss;
    let cs = this.cs < 0 ? cpu.selector(1) : this.cs;
    const spLow = cpu.readLow(CpuRegister.sp);
    const spHigh = cpu.readHigh(CpuRegister.sp);
    let top = spLow;
    let topHigh = spHigh;
    if (pv.isKernelMode) {
      cs &= ~3; // tells the guest that it was its kernel
    } else {
      this.#vcpu.switchMode(true);
      top = pv.kernelSpLow;
      topHigh = pv.kernelSpHigh;
    }
    if (entry.isNull(64)) return this.#crash('has no handler to enter');
    const mask = this.#takeMask(entry.masksEvents);
    const flags = this.#flagsFor(cpu, mask);
    const length = errorCode === NO_ERROR_CODE ? 56 : 64;
    const address = (topHigh | 0) * TWO_32 + (top - (top % 16)) - length;
    if (!this.#open(address, length)) return this.#crash('has no stack for its kernel');
    this.#register(cpu, CpuRegister.cx);
    this.#register(cpu, CpuRegister.r11);
    if (errorCode !== NO_ERROR_CODE) this.#word64(errorCode, 0);
    this.#register(cpu, CpuRegister.ip);
    this.#word64(cs, mask);
    this.#word64(flags, 0);
    this.#word64(spLow, spHigh);
    this.#word64(ss, 0);
    this.#close(address);
    return this.#goOn64(cpu, entry, address, clearFlags);
  }

  #goOn64(cpu: TrapCpu, entry: EntryPoint, address: number, clearFlags: number): boolean {
    cpu.write(CpuRegister.sp, address >>> 0, Math.floor(address / TWO_32) >>> 0);
    cpu.write(CpuRegister.ip, entry.low, entry.high);
    const cleared = CLEARED_64 | clearFlags;
    cpu.write(CpuRegister.flags, ((cpu.readLow(CpuRegister.flags) & ~cleared) | FLAG_IF) >>> 0, 0);
    if (cpu.returnTo(FLAT_RING3_CS64, FLAT_RING3_SS64) === 0) return true;
    return this.#crash('cannot enter its kernel');
  }

  /** Base of a stack segment for `length` bytes below `top`; -1 if it cannot hold them. */
  #stackBase(selector: number, top: number, length: number): number {
    const at = selector < 4 ? -1 : (this.#vcpu.traps?.descriptorAt(selector) ?? -1);
    if (at < 0) return -1;
    const { view } = this.#vcpu.domain.hypervisor.memory;
    const low = view.getUint32(at, true);
    const high = view.getUint32(at + 4, true);
    const needed = DESCRIPTOR_PRESENT | DESCRIPTOR_SEGMENT | DESCRIPTOR_WRITABLE;
    if ((high & (needed | DESCRIPTOR_CODE)) !== needed || top < length) return -1;
    const limit = limitOf(low, high);
    const isInside =
      (high & DESCRIPTOR_EXPAND_DOWN) !== 0 ? top - length > limit : top - 1 <= limit;
    return isInside ? baseOf(low, high) : -1;
  }

  #enter32(cpu: TrapCpu, entry: EntryPoint, errorCode: number): boolean {
    const pv = this.#pv;
    const cs = this.cs < 0 ? cpu.selector(1) : this.cs;
    const ss = this.ss < 0 ? cpu.selector(2) : this.ss;
    const isUser = (cs & 2) !== 0;
    const top = isUser ? pv.kernelSpLow : cpu.readLow(CpuRegister.sp);
    const stackSelector = isUser ? pv.kernelSs : ss;
    const length = (isUser ? 20 : 12) + (errorCode === NO_ERROR_CODE ? 0 : 4);
    const base = this.#stackBase(stackSelector, top, length);
    if (base < 0) return this.#crash('has no stack for its kernel');
    const mask = this.#takeMask(entry.masksEvents);
    const flags = this.#flagsFor(cpu, mask);
    const address = top - length;
    const linear = (base + address) >>> 0;
    if (!this.#open(linear, length)) return this.#crash('has no stack for its kernel');
    if (errorCode !== NO_ERROR_CODE) this.#word32(errorCode);
    this.#word32(cpu.readLow(CpuRegister.ip));
    this.#word32((cs & 0xffff) | (mask << 16));
    this.#word32(flags);
    if (isUser) {
      this.#word32(cpu.readLow(CpuRegister.sp));
      this.#word32(ss);
    }
    this.#close(linear);
    if (entry.isNull(32)) return this.#crash('has no handler to enter');
    cpu.write(CpuRegister.sp, address, 0);
    cpu.write(CpuRegister.ip, entry.low, 0);
    const kept = cpu.readLow(CpuRegister.flags) & ~CLEARED_32;
    cpu.write(CpuRegister.flags, (kept | FLAG_IF) >>> 0, 0);
    if (cpu.returnTo(entry.selector, stackSelector) === 0) return true;
    return this.#crash('cannot enter its kernel');
  }

  /** Enters the failsafe callback: the selectors of DS, ES, FS and GS are those that would not load. */
  enterFailsafe(cpu: TrapCpu, ds: number, es: number, fs: number, gs: number): boolean {
    const pv = this.#pv;
    const isWide = this.#vcpu.domain.word === 64;
    const ss = cpu.selector(2);
    let cs = cpu.selector(1);
    const spLow = cpu.readLow(CpuRegister.sp);
    const spHigh = cpu.readHigh(CpuRegister.sp);
    const isUser = isWide ? !pv.isKernelMode : (cs & 2) !== 0;
    if (isWide && isUser) this.#vcpu.switchMode(true);
    if (isWide && !isUser) cs &= ~3;
    const mask = this.#takeMask(pv.failsafe.masksEvents);
    const flags = this.#flagsFor(cpu, mask);
    const top = isUser ? pv.kernelSpLow : spLow;
    if (isWide) {
      const topHigh = isUser ? pv.kernelSpHigh : spHigh;
      const address = (topHigh | 0) * TWO_32 + (top - (top % 16)) - 88;
      if (!this.#open(address, 88)) return this.#crash('has no stack for its kernel');
      this.#register(cpu, CpuRegister.cx);
      this.#register(cpu, CpuRegister.r11);
      this.#word64(ds, 0);
      this.#word64(es, 0);
      this.#word64(fs, 0);
      this.#word64(gs, 0);
      this.#register(cpu, CpuRegister.ip);
      this.#word64(cs, mask);
      this.#word64(flags, 0);
      this.#word64(spLow, spHigh);
      this.#word64(ss, 0);
      this.#close(address);
      if (pv.failsafe.isNull(64)) return this.#crash('has no failsafe callback');
      return this.#goOn64(cpu, pv.failsafe, address, 0);
    }
    const length = isUser ? 36 : 28;
    const address = (top - length) >>> 0;
    if (!this.#open(address, length)) return this.#crash('has no stack for its kernel');
    this.#word32(ds);
    this.#word32(es);
    this.#word32(fs);
    this.#word32(gs);
    this.#word32(cpu.readLow(CpuRegister.ip));
    this.#word32((cs & 0xffff) | (mask << 16));
    this.#word32(flags);
    if (isUser) {
      this.#word32(spLow);
      this.#word32(ss);
    }
    this.#close(address);
    cpu.write(CpuRegister.sp, address, 0);
    cpu.write(CpuRegister.ip, pv.failsafe.low, 0);
    const kept = cpu.readLow(CpuRegister.flags) & ~CLEARED_32;
    cpu.write(CpuRegister.flags, (kept | FLAG_IF) >>> 0, 0);
    if (cpu.returnTo(FLAT_RING1_CS, FLAT_RING1_SS) === 0) return true;
    return this.#crash('cannot enter its kernel');
  }

  #crash(what: string): false {
    this.#vcpu.domain.crashGuest(`vCPU ${this.#vcpu.id} ${what}`);
    return false;
  }
}
