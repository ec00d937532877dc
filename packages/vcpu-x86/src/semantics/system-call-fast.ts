// The ordinary cases of SYSENTER, SYSEXIT, SYSCALL and SYSRET (routines/system-call.ts has all others).
import type { Builder, Value } from '../ir/builder.js';
import { rflags } from '../ir/flags.js';
import type { Local } from '../ir/node.js';
import {
  CS,
  EFER,
  FLAGS_OTHER,
  GPR,
  MSR_LSTAR,
  MSR_SFMASK,
  MSR_STAR,
  MSR_SYSENTER_CS,
  MSR_SYSENTER_EIP,
  MSR_SYSENTER_ESP,
  RIP,
  SS,
} from '../state/layout.js';
import {
  EFER_SCE,
  FLAG_AC,
  FLAG_IF,
  FLAG_RF,
  FLAG_TF,
  FLAG_VM,
  SYSRET_FLAGS,
} from '../state/register-bits.js';
import { flatCode, flatData, isNull, setFlat } from './descriptor-fast.js';
import { type FastRoutine, need } from './fast-routine.js';
import {
  bySize,
  done,
  enterLevel,
  isLongMode,
  needCanonical,
  needLevel0,
  needLong64,
  needPlain,
  noticeInterrupt,
  RSP,
  setFlags,
} from './level-fast.js';

const RCX = GPR + 8;
const RDX = GPR + 16;
const R11 = GPR + 88;

function enterBySysenter(b: Builder, result: Local): void {
  needPlain(b, FLAG_TF | FLAG_VM | FLAG_AC);
  const selector = b.andc(b.get(MSR_SYSENTER_CS, 32), 0xfffc);
  need(b, selector);
  b.set(FLAGS_OTHER, 32, b.andc(b.get(FLAGS_OTHER, 32), ~(FLAG_IF | FLAG_RF)));
  bySize(b, isLongMode(b), (size) => {
    setFlat(b, CS, selector, flatCode(size, 0));
    setFlat(b, SS, b.addc(selector, 8), flatData(0));
    const whole = (at: number): Value => (size === 64 ? b.get(at, 64) : b.extendU(b.get(at, 32)));
    b.set(RSP, 64, whole(MSR_SYSENTER_ESP));
    b.set(RIP, 64, whole(MSR_SYSENTER_EIP));
    enterLevel(b, 0, size);
  });
  done(b, result);
}
function leaveBySysexit(b: Builder, result: Local, bits: Value): void {
  needPlain(b, FLAG_TF | FLAG_VM | FLAG_AC);
  needLevel0(b);
  const base = b.andc(b.get(MSR_SYSENTER_CS, 32), 0xffff);
  need(b, b.eqz(isNull(b, base)));
  bySize(b, b.eq(bits, b.i32(64)), (size) => {
    const whole = (at: number): Value => (size === 64 ? b.get(at, 64) : b.extendU(b.get(at, 32)));
    const pointer = whole(RCX);
    const target = whole(RDX);
    if (size === 64) needCanonical(b, pointer);
    if (size === 64) needCanonical(b, target);
    b.set(RSP, 64, pointer);
    b.set(RIP, 64, target);
    const offset = size === 64 ? 32 : 16;
    const selector = (more: number): Value => b.andc(b.orc(b.addc(base, offset + more), 3), 0xffff);
    setFlat(b, CS, selector(0), flatCode(size, 3));
    setFlat(b, SS, selector(8), flatData(3));
    enterLevel(b, 3, size);
  });
  noticeInterrupt(b);
  done(b, result);
}
function needSyscall(b: Builder): void {
  needPlain(b, FLAG_TF | FLAG_VM | FLAG_AC);
  needLong64(b);
  need(b, b.andc(b.get(EFER, 32), EFER_SCE));
}
function enterBySyscall(b: Builder, result: Local): void {
  needSyscall(b);
  const flags = b.local('i32', b.andc(rflags(b), ~FLAG_RF));
  b.set(RCX, 64, b.get(RIP, 64));
  b.set(R11, 64, b.extendU(b.read(flags)));
  setFlags(b, b.and(b.read(flags), b.not(b.get(MSR_SFMASK, 32))));
  b.set(RIP, 64, b.get(MSR_LSTAR, 64));
  const selector = b.andc(b.get(MSR_STAR + 4, 32), 0xfffc);
  setFlat(b, CS, selector, flatCode(64, 0));
  setFlat(b, SS, b.addc(selector, 8), flatData(0));
  enterLevel(b, 0, 64);
  done(b, result);
}
function leaveBySysret(b: Builder, result: Local, bits: Value): void {
  needSyscall(b);
  needLevel0(b);
  need(b, b.eq(bits, b.i32(64)));
  const target = b.get(RCX, 64);
  needCanonical(b, target);
  const flags = b.local('i32', b.andc(b.get(R11, 32), SYSRET_FLAGS));
  need(b, b.eqz(b.andc(b.read(flags), FLAG_TF | FLAG_AC)));
  b.set(RIP, 64, target);
  setFlags(b, b.read(flags));
  const base = b.shrUc(b.get(MSR_STAR + 4, 32), 16);
  const selector = (more: number): Value => b.andc(b.orc(b.addc(base, more), 3), 0xffff);
  setFlat(b, CS, selector(16), flatCode(64, 3));
  setFlat(b, SS, selector(8), flatData(3));
  enterLevel(b, 3, 64);
  noticeInterrupt(b);
  done(b, result);
}

export const systemCallFastRoutines: Readonly<Record<string, FastRoutine>> = {
  systemEnter: { parameters: 0, body: enterBySysenter },
  systemExit: { parameters: 1, body: leaveBySysexit },
  systemCall: { parameters: 0, body: enterBySyscall },
  systemReturn: { parameters: 1, body: leaveBySysret },
};
