// System instructions (SDM vol. 3A §2.8): descriptor-table, control, debug and model-specific registers, CPUID, time, caches.

import { GP, UD } from '../fault.js';
import type { Builder, Value } from '../ir/builder.js';
import { setArithmeticFlags, ZF } from '../ir/flags.js';
import type { Bits } from '../ir/node.js';
import {
  CPL,
  CR0,
  CR4,
  FLAGS_OTHER,
  FS,
  GDTR_BASE,
  GDTR_LIMIT,
  GS,
  IDTR_BASE,
  IDTR_LIMIT,
  LDTR,
  MSR_KERNEL_GS_BASE,
  MSR_TSC_AUX,
  SCRATCH,
  SEGMENT_BASE,
  SEGMENT_STRIDE,
  SEGMENTS,
  SELECTORS,
  TLB_BASE,
  TLB_GUARDED,
  TLB_OPEN,
  TR,
  XCR0,
} from '../state/layout.js';
import { CR4_FSGSBASE, CR4_OSXSAVE, FLAG_AC } from '../state/register-bits.js';
import { notCanonical } from './canonical.js';
import { type Operands, RAX, RBX, RCX, RDX, type Semantics } from './operands.js';
import { halves, protectedOnly, supervisorOnly, umip } from './privilege.js';

const segmentBase = (segment: number): number => SEGMENTS + segment * SEGMENT_STRIDE + SEGMENT_BASE;
/** i32 1 if an i64 is no canonical address. */
const setZero = (b: Builder, zf: Value): void => setArithmeticFlags(b, b.shlc(zf, 6), ZF);
/** A value of the operand's type. */
const fit = (b: Builder, x: Operands, v: Value): Value => (x.bits === 64 ? b.extendU(v) : v);

// Descriptor tables
const storeTable =
  (base: number, limit: number): Semantics =>
  (b, x) => {
    umip(b);
    const bits = x.mode.bits === 64 ? 64 : 32;
    const l = b.get(limit, 32);
    const v = b.get(base, bits);
    x.writeAt(0, 0, 16, l);
    x.writeAt(0, 2, bits, v);
  };
const loadTable =
  (base: number, limit: number): Semantics =>
  (b, x) => {
    supervisorOnly(b);
    const l = x.readAt(0, 0, 16);
    const v = x.readAt(0, 2, x.mode.bits === 64 ? 64 : 32);
    if (x.mode.bits === 64) b.raiseIf(notCanonical(b, v), GP, 0);
    // A 16-bit operand size loads 24 bits.
    const wide = x.mode.bits === 64 ? v : b.extendU(x.operandBits === 16 ? b.andc(v, 0xffffff) : v);
    b.set(base, 64, wide);
    b.set(limit, 32, l);
  };
/** SLDT, STR: a register gets the selector zero-extended, memory a word. */
const storeSelector =
  (segment: number): Semantics =>
  (b, x) => {
    protectedOnly(b, x);
    umip(b);
    x.result(fit(b, x, b.get(SELECTORS + segment * SEGMENT_STRIDE, 16)));
  };
const loadSelector =
  (routine: string): Semantics =>
  (b, x) => {
    protectedOnly(b, x);
    supervisorOnly(b);
    b.call(routine, x.read(0));
  };
const verify =
  (write: number): Semantics =>
  (b, x) => {
    protectedOnly(b, x);
    setZero(b, b.call('verifySegment', x.read(0), b.i32(write)));
  };
/** LAR, LSL: the destination changes only with ZF set. */
const query =
  (routine: string): Semantics =>
  (b, x) => {
    protectedOnly(b, x);
    const ok = b.local('i32', b.call(routine, x.read(1)));
    const value = b.get(SCRATCH, 32);
    b.if(b.read(ok), () => x.write(0, fit(b, x, value)));
    setZero(b, b.read(ok));
  };
export const arpl: Semantics = (b, x) => {
  protectedOnly(b, x);
  const rpl = b.andc(x.read(1), 3);
  const old = x.read(0);
  const lower = b.local('i32', b.ltU(b.andc(old, 3), rpl));
  // Written only when it changes: a page that may only be read is no fault then.
  b.if(b.read(lower), () => x.result(b.or(b.andc(old, 0xfffc), rpl)));
  setZero(b, b.read(lower));
};

// Control and debug registers
export const smsw: Semantics = (b, x) => {
  umip(b);
  x.result(fit(b, x, b.get(CR0, 32)));
};
export const lmsw: Semantics = (b, x) => {
  supervisorOnly(b);
  b.transfer('loadMachineStatus', x.read(0));
};
export const clts: Semantics = (b) => {
  supervisorOnly(b);
  b.transfer('clearTaskSwitched');
};
/** The result of a routine that left its value in SCRATCH. */
const resultFromScratch = (b: Builder, x: Operands): void => x.result(b.get(SCRATCH, x.bits));
const moveFrom =
  (routine: string): Semantics =>
  (b, x) => {
    supervisorOnly(b);
    b.call(routine, x.binding.number(b, 'reg'));
    resultFromScratch(b, x);
  };
const moveTo =
  (routine: string): Semantics =>
  (b, x) => {
    supervisorOnly(b);
    const [low, high] = halves(b, x.read(1));
    b.transfer(routine, x.binding.number(b, 'reg'), low, high);
  };
export const invlpg: Semantics = (b, x) => {
  supervisorOnly(b);
  const segment = x.binding.slot('segment');
  const at = x.effective(0);
  const linear = x.shape.segmented ? b.add(b.get(SEGMENTS + SEGMENT_BASE, 64, segment), at) : at;
  b.set(SCRATCH, 64, linear);
  b.call('invalidatePage');
};
export const invpcid: Semantics = (b, x) => {
  supervisorOnly(b);
  const [low, high] = halves(b, x.read(0));
  const pcid = x.readAt(1, 0, 64);
  const linear = x.readAt(1, 8, 64);
  b.set(SCRATCH, 64, pcid);
  b.set(SCRATCH + 8, 64, linear);
  b.call('invalidateContext', low, high);
};
/** EFLAGS.AC, which at CPL 0 decides only what SMAP forbids. */
const smapFlag =
  (on: boolean): Semantics =>
  (b) => {
    b.raiseIf(b.nez(b.get(CPL, 32)), UD);
    const flags = b.get(FLAGS_OTHER, 32);
    b.set(FLAGS_OTHER, 32, on ? b.orc(flags, FLAG_AC) : b.andc(flags, ~FLAG_AC));
    b.set(TLB_BASE, 32, b.get(on ? TLB_OPEN : TLB_GUARDED, 32));
  };
/** WBINVD, INVD: there are no caches. */
export const flushCaches: Semantics = (b) => supervisorOnly(b);

const xsaveOn = (b: Builder): void => b.raiseIf(b.eqz(b.andc(b.get(CR4, 32), CR4_OSXSAVE)), UD);
/** EDX:EAX from a 64-bit value in state slot `at`. */
function toEdxEax(b: Builder, x: Operands, at: number): void {
  const low = b.get(at, 32);
  const high = b.get(at + 4, 32);
  x.setRegister(RAX, 32, low);
  x.setRegister(RDX, 32, high);
}
export const xgetbv: Semantics = (b, x) => {
  xsaveOn(b);
  b.raiseIf(b.nez(x.getRegister(RCX, 32)), GP, 0);
  toEdxEax(b, x, XCR0);
};
export const xsetbv: Semantics = (b, x) => {
  xsaveOn(b);
  supervisorOnly(b);
  const [index, low, high] = [RCX, RAX, RDX].map((r) => x.getRegister(r, 32));
  b.transfer('writeExtendedControl', index, low, high);
};

// MSRs, CPUID, time
export const rdmsr: Semantics = (b, x) => {
  supervisorOnly(b);
  b.call('readMsr');
  toEdxEax(b, x, SCRATCH);
};
export const wrmsr: Semantics = (b) => {
  supervisorOnly(b);
  b.transfer('writeMsr');
};
export const cpuid: Semantics = (b, x) => {
  b.call('cpuid');
  for (const [i, r] of [RAX, RBX, RCX, RDX].entries())
    x.setRegister(r, 32, b.get(SCRATCH + i * 4, 32));
};
export const rdtsc: Semantics = (b, x) => {
  b.call('readTimeStamp');
  toEdxEax(b, x, SCRATCH);
};
export const rdtscp: Semantics = (b, x) => {
  b.call('readTimeStamp');
  toEdxEax(b, x, SCRATCH);
  x.setRegister(RCX, 32, b.get(MSR_TSC_AUX, 32));
};
/** There are no performance counters: every index is invalid. */
export const rdpmc: Semantics = (b) => b.raise(GP, b.i32(0));

// 64-bit mode
export const swapgs: Semantics = (b) => {
  supervisorOnly(b);
  const user = b.get(segmentBase(GS), 64);
  const kernel = b.get(MSR_KERNEL_GS_BASE, 64);
  b.set(segmentBase(GS), 64, kernel);
  b.set(MSR_KERNEL_GS_BASE, 64, user);
};
const baseOn = (b: Builder): void => b.raiseIf(b.eqz(b.andc(b.get(CR4, 32), CR4_FSGSBASE)), UD);
const readBase =
  (segment: number): Semantics =>
  (b, x) => {
    baseOn(b);
    x.result(b.get(segmentBase(segment), x.bits as Bits));
  };
const writeBase =
  (segment: number): Semantics =>
  (b, x) => {
    baseOn(b);
    const v = b.extendU(x.read(0));
    if (x.bits === 64) b.raiseIf(notCanonical(b, v), GP, 0);
    b.set(segmentBase(segment), 64, v);
  };

/** MONITOR arms nothing and MWAIT goes on at once, as it may (SDM vol. 2B MWAIT). Outside of CPL 0 they are undefined opcodes. */
export const monitor: Semantics = (b, x) => {
  b.raiseIf(b.nez(b.get(CPL, 32)), UD);
  b.raiseIf(b.nez(x.getRegister(RCX, 32)), GP, 0);
};
export const mwait: Semantics = (b, x) => {
  b.raiseIf(b.nez(b.get(CPL, 32)), UD);
  b.raiseIf(b.nez(x.getRegister(RCX, 32)), GP, 0);
  b.jump(x.next());
};

export const systemSemantics = {
  SGDT: storeTable(GDTR_BASE, GDTR_LIMIT),
  SIDT: storeTable(IDTR_BASE, IDTR_LIMIT),
  LGDT: loadTable(GDTR_BASE, GDTR_LIMIT),
  LIDT: loadTable(IDTR_BASE, IDTR_LIMIT),
  SLDT: storeSelector(LDTR),
  STR: storeSelector(TR),
  LLDT: loadSelector('loadLocalTable'),
  LTR: loadSelector('loadTaskRegister'),
  VERR: verify(0),
  VERW: verify(1),
  LAR: query('accessRights'),
  LSL: query('segmentLimit'),
  ARPL: arpl,
  SMSW: smsw,
  LMSW: lmsw,
  CLTS: clts,
  MOV_FROM_CR: moveFrom('readControl'),
  MOV_TO_CR: moveTo('writeControl'),
  MOV_FROM_DR: moveFrom('readDebug'),
  MOV_TO_DR: moveTo('writeDebug'),
  INVLPG: invlpg,
  INVPCID: invpcid,
  STAC: smapFlag(true),
  CLAC: smapFlag(false),
  INVD: flushCaches,
  WBINVD: flushCaches,
  XGETBV: xgetbv,
  XSETBV: xsetbv,
  RDMSR: rdmsr,
  WRMSR: wrmsr,
  CPUID: cpuid,
  RDTSC: rdtsc,
  RDTSCP: rdtscp,
  RDPMC: rdpmc,
  SWAPGS: swapgs,
  RDFSBASE: readBase(FS),
  RDGSBASE: readBase(GS),
  WRFSBASE: writeBase(FS),
  WRGSBASE: writeBase(GS),
  MONITOR: monitor,
  MWAIT: mwait,
} as const satisfies Record<string, Semantics>;
