// PortAccess: IN, OUT, INS and OUTS of page-table guests. A domain without devices has no ports: reads give ones, writes are lost, but for
// two latches that every PV domain has: the index of the CMOS clock and PCI's configuration address. Whether the guest itself lets its
// code use a port is told by its IOPL and its bitmap (physdev_op), and #GP otherwise.

import { Emulated, type Prefixes } from './emulated.js';
import { FLAG_DF } from './entry-frame.js';
import { CR4_DE } from './pv-state.js';
import type { PvTraps } from './pv-traps.js';
import {
  baseOf,
  DESCRIPTOR_CODE,
  DESCRIPTOR_PRESENT,
  DESCRIPTOR_SEGMENT,
  DESCRIPTOR_WRITABLE,
  limitOf,
} from './segment-descriptor.js';
import { CpuRegister, CpuSegment, type TrapCpu } from './trap-cpu.js';
import { FAULT_PRESENT } from './vector.js';

const CMOS_INDEX = 0x70;
const PCI_ADDRESS = 0xcf8;
const TWO_32 = 4294967296;
/** Elements of a repeated INS or OUTS done at a time; the rest when the instruction starts again. */
const MAX_ELEMENTS = 256;

/** Whether IOPL lets the running code use all ports, and CLI and STI. */
export function mayUsePorts(traps: PvTraps): boolean {
  const kernelLevel = traps.vcpu.hasArchitecturalIoLevel ? 0 : 1;
  return (traps.isKernelMode ? kernelLevel : 3) <= traps.pv.ioLevel;
}

const bitmap = new Uint8Array(1);

function bitmapByte(traps: PvTraps, index: number): number {
  const address = traps.pv.ioBitmap + index;
  return traps.vcpu.access.copyFrom(address, bitmap) ? (bitmap[0] as number) : 0xff;
}

/** Whether the guest lets its running code use `size` ports from `port` on. */
export function mayUsePort(traps: PvTraps, port: number, size: number): boolean {
  if (mayUsePorts(traps)) return true;
  if (port + size > traps.pv.ioPorts) return false;
  const index = port >>> 3;
  const bits = bitmapByte(traps, index) | (bitmapByte(traps, index + 1) << 8);
  return (bits & (((1 << size) - 1) << (port & 7))) === 0;
}

export class PortAccess {
  readonly #traps: PvTraps;
  readonly #element = new Uint8Array(4);

  constructor(traps: PvTraps) {
    this.#traps = traps;
  }

  read(port: number, size: number): number {
    const { domain } = this.#traps.vcpu;
    if (port === PCI_ADDRESS && size === 4) return domain.pciAddress;
    let value = 0xffff_ffff;
    // Each byte is a port of its own.
    const shift = (CMOS_INDEX - port) * 8;
    if (shift >= 0 && shift < size * 8) {
      value = ((value & ~(0xff << shift)) | (domain.cmosIndex << shift)) >>> 0;
    }
    return size === 4 ? value : (value & ((1 << (size * 8)) - 1)) >>> 0;
  }

  write(port: number, size: number, value: number): void {
    const { domain } = this.#traps.vcpu;
    if (port === PCI_ADDRESS && size === 4) {
      domain.pciAddress = value;
      return;
    }
    const shift = (CMOS_INDEX - port) * 8;
    if (shift >= 0 && shift < size * 8) domain.cmosIndex = (value >>> shift) & 0xff;
  }

  /** Ends an IN or OUT: its length, and the breakpoints it met. */
  finish(port: number, size: number, length: number): Emulated {
    const bits = this.#breakpoints(port, size);
    if (bits === 0) return Emulated.done;
    this.#traps.finishInstruction(length);
    this.#traps.debug(bits);
    return Emulated.settled;
  }

  /** Bits of DR6 for breakpoints at these ports. */
  #breakpoints(port: number, size: number): number {
    const { pv, cpu } = this.#traps;
    if (pv.portBreakpoints === 0 || (pv.cr4 & CR4_DE) === 0 || !cpu) return 0;
    const control = cpu.readLow(CpuRegister.dr7);
    let bits = 0;
    for (let i = 0; i < 4; i++) {
      if ((pv.portBreakpoints & (3 << (i * 2))) === 0) continue;
      const code = (control >>> (18 + i * 4)) & 3;
      const width = code === 2 ? 8 : code + 1;
      const start = cpu.readLow(CpuRegister.dr0 + i) & ~(width - 1);
      if (cpu.readHigh(CpuRegister.dr0 + i) === 0 && start < port + size && start + width > port)
        bits |= 1 << i;
    }
    return bits;
  }

  /** INS (6C, 6D) and OUTS (6E, 6F). */
  string(cpu: TrapCpu, opcode: number, prefixes: Prefixes): Emulated {
    const port = cpu.readLow(CpuRegister.dx) & 0xffff;
    const size = (opcode & 1) === 0 ? 1 : prefixes.operandSize === 2 ? 2 : 4;
    if (!mayUsePort(this.#traps, port, size)) return Emulated.no;
    const isInput = (opcode & 2) === 0;
    const counter = this.#read(cpu, CpuRegister.cx, prefixes.addressSize);
    let count = 1;
    if (prefixes.repeat) count = counter < 0 ? Number.POSITIVE_INFINITY : counter;
    const step = (cpu.readLow(CpuRegister.flags) & FLAG_DF) !== 0 ? -size : size;
    const pointer = isInput ? CpuRegister.di : CpuRegister.si;
    const isOverridden = !isInput && prefixes.segment >= 0;
    const segment = isInput ? CpuSegment.es : isOverridden ? prefixes.segment : CpuSegment.ds;
    let done = 0;
    while (done < Math.min(count, MAX_ELEMENTS)) {
      const offset = this.#read(cpu, pointer, prefixes.addressSize);
      const address = this.#linear(cpu, segment, offset, size, isInput, prefixes.codeBits);
      if (address === BAD_SEGMENT) return done === 0 ? Emulated.no : Emulated.settled;
      if (!this.#move(address, port, size, isInput)) return Emulated.settled;
      this.#add(cpu, pointer, step, prefixes.addressSize);
      if (prefixes.repeat) this.#add(cpu, CpuRegister.cx, -1, prefixes.addressSize);
      done++;
    }
    return done < count ? Emulated.settled : Emulated.done;
  }

  /** One element; false: a page fault was injected. */
  #move(address: number, port: number, size: number, isInput: boolean): boolean {
    const traps = this.#traps;
    const element = this.#element.subarray(0, size);
    const access = traps.vcpu.currentAccess;
    if (isInput) {
      const value = this.read(port, size);
      for (let i = 0; i < size; i++) element[i] = value >>> (i * 8);
      if (access.copyTo(address, element)) return true;
    } else if (access.copyFrom(address, element)) {
      let value = 0;
      for (let i = 0; i < size; i++) value |= (element[i] as number) << (i * 8);
      this.write(port, size, value >>> 0);
      return true;
    }
    // The fault is at the first byte that cannot be used.
    let at = address;
    while (at < address + size - 1 && access.isAccessible(at, 1, isInput)) at++;
    const isPresent = isInput && access.isAccessible(at, 1, false);
    traps.injectPageFault(at, (isInput ? 2 : 0) | (isPresent ? FAULT_PRESENT : 0));
    return false;
  }

  /** A register cut to the address size; signed where it may be an address of 64 bits. */
  #read(cpu: TrapCpu, register: CpuRegister, size: number): number {
    const low = cpu.readLow(register);
    if (size === 2) return low & 0xffff;
    return size === 4 ? low : (cpu.readHigh(register) | 0) * TWO_32 + low;
  }

  #add(cpu: TrapCpu, register: CpuRegister, step: number, size: number): void {
    const low = cpu.readLow(register);
    const sum = low + step;
    if (size === 2) {
      cpu.write(register, ((low & ~0xffff) | (sum & 0xffff)) >>> 0, cpu.readHigh(register));
    } else {
      const carry = Math.floor(sum / TWO_32);
      const high = size === 4 ? 0 : (cpu.readHigh(register) + carry) >>> 0;
      cpu.write(register, sum >>> 0, high);
    }
  }

  /** The linear address, or BAD_SEGMENT where the segment does not allow the access. */
  #linear(
    cpu: TrapCpu,
    segment: number,
    offset: number,
    size: number,
    isWrite: boolean,
    codeBits: number,
  ): number {
    if (codeBits === 64) {
      if (segment !== CpuSegment.fs && segment !== CpuSegment.gs) return offset;
      const base = segment === CpuSegment.fs ? CpuRegister.fsBase : CpuRegister.gsBase;
      return (cpu.readHigh(base) | 0) * TWO_32 + cpu.readLow(base) + offset;
    }
    const selector = cpu.selector(segment as CpuSegment);
    const at = selector < 4 ? -1 : this.#traps.descriptorAt(selector);
    if (at < 0) return BAD_SEGMENT;
    const { view } = this.#traps.vcpu.domain.hypervisor.memory;
    const low = view.getUint32(at, true);
    const high = view.getUint32(at + 4, true);
    const needed = DESCRIPTOR_PRESENT | DESCRIPTOR_SEGMENT;
    const isCode = (high & DESCRIPTOR_CODE) !== 0;
    const mayWrite = (high & DESCRIPTOR_WRITABLE) !== 0;
    if ((high & needed) !== needed || (isWrite ? isCode || !mayWrite : isCode && !mayWrite))
      return BAD_SEGMENT;
    if (offset + size - 1 > limitOf(low, high)) return BAD_SEGMENT;
    return (baseOf(low, high) + offset) >>> 0;
  }
}

const BAD_SEGMENT = Number.NEGATIVE_INFINITY;
