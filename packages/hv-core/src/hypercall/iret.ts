// iret: the return from an exception, an event or a system call, with the frame on the kernel's stack. It writes all registers, so it has
// no result. A frame that cannot be read crashes the domain; a place that cannot be returned to is an exception of that place.
// arch-x86/xen-x86_32.h, xen-x86_64.h ("HYPERVISOR_iret").
import {
  __HYPERVISOR_iret,
  FLAT_RING3_CS32,
  FLAT_RING3_CS64,
  FLAT_RING3_SS64,
  iret_context,
  VGCF_in_syscall,
  XEN_ENOSYS,
} from '@proxeny/abi';
import { FLAG_IF, FLAG_IOPL, FLAG_NT, FLAG_RF, FLAG_TF, FLAG_VM } from '../trap/entry-frame.js';
import { CpuRegister, type TrapCpu } from '../trap/trap-cpu.js';
import type { Vcpu } from '../vcpu.js';
import { REGISTERS_SET } from './continuation.js';
import type { HypercallFrame } from './frame.js';
import type { Decoded, Hypercall } from './hypercall.js';

const TWO_32 = 4294967296;
const VECTOR_GP = 13;
const wide = iret_context.of(64);
const bytes = new Uint8Array(wide.byteLength);
const view = new DataView(bytes.buffer);

function crash(vcpu: Vcpu, message: string): number {
  vcpu.domain.crashGuest(`vCPU ${vcpu.id}: iret ${message}`);
  return REGISTERS_SET;
}

/** What IF in the flags says becomes the mask; an NMI may come again. */
function restoreMask(vcpu: Vcpu, flags: number): void {
  vcpu.isUpcallMasked = (flags & FLAG_IF) === 0;
  if (vcpu.pv) vcpu.pv.isNmiMasked = false;
}

/** The frame is read where it lies; one on two pages is copied. */
function returnWide(vcpu: Vcpu, cpu: TrapCpu): number {
  const { access } = vcpu;
  const stack = (cpu.readHigh(CpuRegister.sp) | 0) * TWO_32 + cpu.readLow(CpuRegister.sp);
  const at = access.within(stack, wide.byteLength);
  if (at >= 0) return returnWideTo(vcpu, cpu, vcpu.domain.hypervisor.memory.view, at);
  if (!access.copyFrom(stack, bytes)) return crash(vcpu, 'without a frame on the stack');
  return returnWideTo(vcpu, cpu, view, 0);
}
function returnWideTo(vcpu: Vcpu, cpu: TrapCpu, frame: DataView, at: number): number {
  const { pv, traps } = vcpu;
  if (!pv || !traps) return REGISTERS_SET;
  const { rax, r11, rcx, flags, rip, cs, rflags, rsp, ss } = wide.fields;
  const codeSelector = cs.getLow(frame, at);
  const isUser = (codeSelector & 3) === 3;
  if (isUser && vcpu.userRoot === -1) return crash(vcpu, 'to user mode without page tables for it');
  if (isUser) vcpu.switchMode(false);
  const wanted = rflags.getLow(frame, at);
  if (vcpu.hasArchitecturalIoLevel) pv.ioLevel = (wanted & FLAG_IOPL) >>> 12;
  const newFlags = ((wanted & ~(FLAG_IOPL | FLAG_VM)) | FLAG_IF) >>> 0;
  cpu.write(CpuRegister.ip, rip.getLow(frame, at), rip.getHigh(frame, at));
  cpu.write(CpuRegister.sp, rsp.getLow(frame, at), rsp.getHigh(frame, at));
  cpu.write(CpuRegister.flags, newFlags, 0);
  cpu.write(CpuRegister.ax, rax.getLow(frame, at), rax.getHigh(frame, at));
  let code = (codeSelector & 0xffff) | 3;
  let stackSelector = (ss.getLow(frame, at) & 0xffff) | 3;
  if ((flags.getLow(frame, at) & VGCF_in_syscall) === 0) {
    cpu.write(CpuRegister.cx, rcx.getLow(frame, at), rcx.getHigh(frame, at));
    cpu.write(CpuRegister.r11, r11.getLow(frame, at), r11.getHigh(frame, at));
  } else {
    // As SYSRET leaves them.
    cpu.write(CpuRegister.cx, rip.getLow(frame, at), rip.getHigh(frame, at));
    cpu.write(CpuRegister.r11, newFlags, 0);
    code = code === FLAT_RING3_CS32 ? FLAT_RING3_CS32 : FLAT_RING3_CS64;
    stackSelector = FLAT_RING3_SS64;
  }
  restoreMask(vcpu, wanted);
  traps.returnTo(cpu, code, stackSelector);
  return REGISTERS_SET;
}

const word = new Uint8Array(4);
const wordView = new DataView(word.buffer);

/** A word of a 32-bit guest's stack, or -1. */
function readWord(vcpu: Vcpu, address: number): number {
  return vcpu.access.copyFrom(address >>> 0, word) ? wordView.getUint32(0, true) : -1;
}

function writeWord(vcpu: Vcpu, address: number, value: number): boolean {
  wordView.setUint32(0, value, true);
  return vcpu.access.copyTo(address >>> 0, word);
}

function returnNarrow(vcpu: Vcpu, cpu: TrapCpu): number {
  const { pv, traps } = vcpu;
  if (!pv || !traps) return REGISTERS_SET;
  const stack = cpu.readLow(CpuRegister.sp);
  const eax = readWord(vcpu, stack);
  const eip = readWord(vcpu, stack + 4);
  const cs = readWord(vcpu, stack + 8);
  const flags = readWord(vcpu, stack + 12);
  if (Math.min(eax, eip, cs, flags) < 0) return crash(vcpu, 'without a frame on the stack');
  const code = cs & 0xffff;
  const isVm86 = (flags & FLAG_VM) !== 0;
  if (!isVm86 && (code & 3) === 0) return crash(vcpu, 'to ring 0');
  let esp = (stack + 16) >>> 0;
  let ss = cpu.selector(2);
  if (!isVm86 && (code & 2) !== 0) {
    ss = readWord(vcpu, stack + 20);
    esp = readWord(vcpu, stack + 16);
    if (Math.min(ss, esp) < 0) return crash(vcpu, 'without a frame on the stack');
  }
  if (vcpu.hasArchitecturalIoLevel) pv.ioLevel = (flags & FLAG_IOPL) >>> 12;
  cpu.write(CpuRegister.ax, eax, 0);
  if (isVm86) return refuseVm86(vcpu, cpu, stack, flags);
  cpu.write(CpuRegister.ip, eip, 0);
  cpu.write(CpuRegister.sp, esp, 0);
  cpu.write(CpuRegister.flags, ((flags & ~FLAG_IOPL) | FLAG_IF) >>> 0, 0);
  restoreMask(vcpu, flags);
  traps.returnTo(cpu, code, ss & 0xffff);
  return REGISTERS_SET;
}

/** There is no virtual-8086 mode to return to: a #GP of its first instruction, with the frame that came as its own. */
function refuseVm86(vcpu: Vcpu, cpu: TrapCpu, stack: number, flags: number): number {
  const { pv, traps } = vcpu;
  if (!pv || !traps) return REGISTERS_SET;
  const to = (pv.kernelSpLow - 40) >>> 0;
  const words: number[] = [0];
  for (let i = 1; i < 10; i++) words.push(readWord(vcpu, stack + i * 4));
  if (Math.min(...words) < 0) return crash(vcpu, 'without a frame on the stack');
  for (const [i, value] of words.entries()) {
    if (!writeWord(vcpu, to + i * 4, value)) return crash(vcpu, 'with no stack for its kernel');
  }
  const handler = pv.traps.at(VECTOR_GP);
  const cleared = FLAG_VM | FLAG_RF | FLAG_NT | FLAG_TF | FLAG_IOPL;
  cpu.write(CpuRegister.sp, to, 0);
  cpu.write(CpuRegister.ip, handler.low, 0);
  cpu.write(CpuRegister.flags, ((flags & ~cleared) | FLAG_IF) >>> 0, 0);
  restoreMask(vcpu, handler.masksEvents ? flags & ~FLAG_IF : flags);
  if (handler.isNull(32)) return crash(vcpu, 'to virtual-8086 mode without a handler');
  traps.returnTo(cpu, handler.selector, pv.kernelSs);
  return REGISTERS_SET;
}

function decode(call: HypercallFrame): Decoded {
  const { vcpu } = call;
  const cpu = vcpu.trapCpu;
  // One that is part of a multicall would go on with the multicall's registers.
  if (!cpu || call === vcpu.innerFrame) return -XEN_ENOSYS;
  return () => (call.word === 64 ? returnWide(vcpu, cpu) : returnNarrow(vcpu, cpu));
}

export const iret: Hypercall = { number: __HYPERVISOR_iret, name: 'iret', arguments: 0, decode };
