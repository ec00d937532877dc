// PrivilegedInstructions: the instructions of ring 0 that a page-table guest's kernel may execute all the same: the CPU raises #GP(0), and
// they are done here. Few bytes are decoded by hand: a Linux boot comes by a hundred thousand times. What is not in the list is the
// guest's own #GP: HLT, INVLPG, INVD, LGDT, LIDT, LLDT, LTR, LMSW, RDPMC, IRET to ring 0.
//
// Also CPUID, which is done for a guest wherever it stands, and the prefix that asks for it: UD2, "xen". arch-x86/xen.h.

import { FLAT_RING3_CS64 } from '@proxeny/abi';
import { readControl, writeControl } from './control-register.js';
import { guestCpuid } from './cpuid-policy.js';
import { readDebug, writeDebug } from './debug-register.js';
import { Emulated, Prefixes } from './emulated.js';
import { readMsr, writeMsr } from './msr.js';
import { mayUsePort, mayUsePorts, type PortAccess } from './port-access.js';
import { CR4_OSXSAVE, CR4_TSD } from './pv-state.js';
import type { PvTraps } from './pv-traps.js';
import {
  DESCRIPTOR_BIG,
  DESCRIPTOR_CODE,
  DESCRIPTOR_LONG,
  DESCRIPTOR_PRESENT,
  DESCRIPTOR_SEGMENT,
} from './segment-descriptor.js';
import { CpuRegister, type TrapCpu } from './trap-cpu.js';

const MAX_LENGTH = 15;
const { ax, bx, cx, dx } = CpuRegister;
/** UD2, then "xen"; then CPUID. */
const forced = [0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2];

export class PrivilegedInstructions {
  readonly #traps: PvTraps;
  readonly #code = new Uint8Array(MAX_LENGTH);
  readonly #prefixes = new Prefixes();
  readonly #ports: PortAccess;
  readonly #values = new Uint32Array(4);

  constructor(traps: PvTraps) {
    this.#traps = traps;
    this.#ports = traps.ports;
  }

  /** Does the instruction at rIP if it is one of those; false: it is not, and nothing changed. */
  emulate(cpu: TrapCpu): boolean {
    const length = cpu.readCode(this.#code);
    this.#code.fill(0, length);
    const prefixes = this.#prefixes;
    prefixes.codeBits = this.#codeBits(cpu);
    if (prefixes.codeBits === 16 && this.#traps.vcpu.domain.word === 64) return false;
    const at = this.#readPrefixes();
    if (at + 1 >= MAX_LENGTH) return false;
    this.#length = at;
    const result = this.#dispatch(cpu, at);
    if (result === Emulated.done) this.#traps.finishInstruction(this.#length);
    return result !== Emulated.no;
  }

  /** Of the instruction, as far as it is known. */
  #length = 0;

  #codeBits(cpu: TrapCpu): 16 | 32 | 64 {
    const selector = cpu.selector(1);
    if (selector === FLAT_RING3_CS64 && this.#traps.vcpu.domain.word === 64) return 64;
    const at = this.#traps.descriptorAt(selector);
    if (at < 0) return 16;
    const high = this.#traps.vcpu.domain.hypervisor.memory.view.getUint32(at + 4, true);
    const needed = DESCRIPTOR_PRESENT | DESCRIPTOR_SEGMENT | DESCRIPTOR_CODE;
    if ((high & needed) !== needed) return 16;
    if ((high & DESCRIPTOR_LONG) !== 0) return 64;
    return (high & DESCRIPTOR_BIG) !== 0 ? 32 : 16;
  }

  /** Takes the prefixes; the offset of the opcode. */
  #readPrefixes(): number {
    const p = this.#prefixes;
    const is64 = p.codeBits === 64;
    let is16 = p.codeBits === 16;
    let isShort = false;
    p.rex = 0;
    p.repeat = false;
    p.segment = -1;
    let at = 0;
    for (; at < MAX_LENGTH; at++) {
      const byte = this.#code[at] as number;
      if (byte === 0x66) is16 = p.codeBits !== 16;
      else if (byte === 0x67) isShort = true;
      else if (byte === 0xf2 || byte === 0xf3) p.repeat = true;
      else if (byte === 0x64 || byte === 0x65) p.segment = byte - 0x60;
      else if ((byte & 0xe7) === 0x26) p.segment = (byte >>> 3) & 3;
      else if (!is64 || (byte & 0xf0) !== 0x40) break;
      // REX counts only right before the opcode.
      p.rex = is64 && (byte & 0xf0) === 0x40 ? byte : 0;
    }
    p.operandSize = (p.rex & 8) !== 0 ? 8 : is16 ? 2 : 4;
    if (is64) p.addressSize = isShort ? 4 : 8;
    else p.addressSize = isShort === (p.codeBits === 32) ? 2 : 4;
    return at;
  }

  #dispatch(cpu: TrapCpu, at: number): Emulated {
    const opcode = this.#code[at] as number;
    this.#length = at + 1;
    if (opcode === 0x0f) return this.#dispatchTwoByte(cpu, at + 1);
    switch (opcode) {
      case 0xe4: // IN and OUT of a port in the instruction
      case 0xe5:
      case 0xe6:
      case 0xe7:
        this.#length = at + 2;
        return this.#port(cpu, opcode, this.#code[at + 1] as number);
      case 0xec: // IN and OUT of the port in DX
      case 0xed:
      case 0xee:
      case 0xef:
        return this.#port(cpu, opcode, cpu.readLow(dx) & 0xffff);
      case 0x6c: // INS and OUTS
      case 0x6d:
      case 0x6e:
      case 0x6f:
        return this.#ports.string(cpu, opcode, this.#prefixes);
      case 0xfa: // CLI and STI: nothing, where they are allowed
      case 0xfb:
        return mayUsePorts(this.#traps) ? Emulated.done : Emulated.no;
      default:
        return Emulated.no;
    }
  }

  #port(cpu: TrapCpu, opcode: number, port: number): Emulated {
    const size = (opcode & 1) === 0 ? 1 : this.#prefixes.operandSize === 2 ? 2 : 4;
    if (!mayUsePort(this.#traps, port, size)) return Emulated.no;
    if ((opcode & 2) !== 0) {
      this.#ports.write(port, size, cpu.readLow(ax));
    } else {
      const value = this.#ports.read(port, size);
      if (size === 4) cpu.write(ax, value, 0);
      else {
        const mask = size === 1 ? 0xff : 0xffff;
        cpu.write(ax, ((cpu.readLow(ax) & ~mask) | (value & mask)) >>> 0, cpu.readHigh(ax));
      }
    }
    return this.#ports.finish(port, size, this.#length);
  }

  #dispatchTwoByte(cpu: TrapCpu, at: number): Emulated {
    const opcode = this.#code[at] as number;
    const modrm = this.#code[at + 1] as number;
    this.#length = at + 1;
    const isKernel = this.#traps.isKernelMode;
    switch (opcode) {
      case 0x31:
        return this.#timeStamp(cpu, false);
      case 0xa2:
        this.cpuid(cpu, false);
        return Emulated.done;
      case 0x01:
        this.#length = at + 2;
        if (modrm === 0xf9) return this.#timeStamp(cpu, true);
        return modrm === 0xd1 && isKernel ? this.#setExtendedControl(cpu) : Emulated.no;
    }
    if (!isKernel) return Emulated.no;
    switch (opcode) {
      case 0x06: // CLTS
        this.#traps.pv.isTaskSwitched = false;
        cpu.setTaskSwitched(false);
        return Emulated.done;
      case 0x09: // WBINVD: a domain without devices has no say in caches
        return Emulated.done;
      case 0x20: // MOV from and to CR and DR
      case 0x21:
      case 0x22:
      case 0x23:
        this.#length = at + 2;
        return this.#moveRegister(cpu, opcode, modrm);
      case 0x30:
        return writeMsr(this.#traps, cpu, cpu.readLow(cx), cpu.readLow(ax), cpu.readLow(dx))
          ? Emulated.done
          : Emulated.no;
      case 0x32: {
        const values = this.#values;
        if (!readMsr(this.#traps, cpu, cpu.readLow(cx), values)) return Emulated.no;
        cpu.write(ax, values[0] as number, 0);
        cpu.write(dx, values[1] as number, 0);
        return Emulated.done;
      }
      default:
        return Emulated.no;
    }
  }

  #moveRegister(cpu: TrapCpu, opcode: number, modrm: number): Emulated {
    const { rex, codeBits } = this.#prefixes;
    const special = ((modrm >>> 3) & 7) | ((rex & 4) << 1);
    const general = (modrm & 7) | ((rex & 1) << 3);
    const values = this.#values;
    const isWrite = (opcode & 2) !== 0;
    const isDebug = (opcode & 1) !== 0;
    if (!isWrite) {
      const isDone = isDebug
        ? readDebug(this.#traps, cpu, special, values)
        : readControl(this.#traps, special, values);
      if (!isDone) return this.#noRegister(isDebug);
      cpu.write(general, values[0] as number, codeBits === 64 ? (values[1] as number) : 0);
      return Emulated.done;
    }
    const low = cpu.readLow(general);
    const high = codeBits === 64 ? cpu.readHigh(general) : 0;
    if (!isDebug) return writeControl(this.#traps, cpu, special, low, high);
    switch (writeDebug(this.#traps, cpu, special, low, high)) {
      case 0:
        return Emulated.done;
      case -1:
        return this.#noRegister(true);
      default:
        return Emulated.no;
    }
  }

  /** A debug register that is not there is #UD, a control register the guest's #GP. */
  #noRegister(isDebug: boolean): Emulated {
    if (!isDebug) return Emulated.no;
    this.#traps.inject(6, -1);
    return Emulated.settled;
  }

  #timeStamp(cpu: TrapCpu, withAux: boolean): Emulated {
    const { pv, isKernelMode } = this.#traps;
    if ((pv.cr4 & CR4_TSD) !== 0 && !isKernelMode) return Emulated.no;
    cpu.readTimeStamp(this.#values);
    cpu.write(ax, this.#values[0] as number, 0);
    cpu.write(dx, this.#values[1] as number, 0);
    if (withAux) cpu.write(cx, pv.timeStampAux, 0);
    return Emulated.done;
  }

  #setExtendedControl(cpu: TrapCpu): Emulated {
    if ((this.#traps.pv.cr4 & CR4_OSXSAVE) === 0) return this.#noRegister(true);
    const isDone =
      cpu.readLow(cx) === 0 && cpu.setExtendedControl(cpu.readLow(ax), cpu.readLow(dx));
    return isDone ? Emulated.done : Emulated.no;
  }

  /** Fills EAX to EDX with what the guest's processor is. */
  cpuid(cpu: TrapCpu, isForced: boolean): void {
    const values = this.#values;
    guestCpuid(this.#traps, cpu, cpu.readLow(ax), cpu.readLow(cx), isForced, values);
    cpu.write(ax, values[0] as number, 0);
    cpu.write(bx, values[1] as number, 0);
    cpu.write(cx, values[2] as number, 0);
    cpu.write(dx, values[3] as number, 0);
  }

  /** At a #UD: whether it was the prefix that asks for emulation, before a CPUID; then that is done. */
  emulateForced(cpu: TrapCpu): boolean {
    const length = cpu.readCode(this.#code);
    if (length < forced.length) return false;
    for (let i = 0; i < forced.length; i++) if (this.#code[i] !== forced[i]) return false;
    this.cpuid(cpu, true);
    this.#traps.finishInstruction(forced.length);
    return true;
  }
}
