// Instructions on single flags, and BOUND (SDM vol. 1 §7.3.12, §7.3.13.1).

import { BR } from '../fault.js';
import { flag, rflags, setArithmeticFlags, setCarry } from '../ir/flags.js';
import { FLAGS_OTHER } from '../state/layout.js';
import type { Semantics } from './operands.js';

const AH = 1;
const DF = 0x400;
/** SF ZF AF PF CF: what SAHF loads. */
const LOW_FLAGS = 0xd5;

export const clc: Semantics = (b) => setCarry(b, b.i32(0));
export const stc: Semantics = (b) => setCarry(b, b.i32(1));
export const cmc: Semantics = (b) => setCarry(b, b.xorc(flag(b, 'cf'), 1));
export const cld: Semantics = (b) => b.set(FLAGS_OTHER, 32, b.andc(b.get(FLAGS_OTHER, 32), ~DF));
export const std: Semantics = (b) => b.set(FLAGS_OTHER, 32, b.orc(b.get(FLAGS_OTHER, 32), DF));
export const lahf: Semantics = (b) => b.set(AH, 8, rflags(b));
export const sahf: Semantics = (b) => setArithmeticFlags(b, b.get(AH, 8), LOW_FLAGS);

export const bound: Semantics = (b, x) => {
  const { bits } = x;
  const index = b.signExtend(x.read(0), bits);
  const lower = b.signExtend(x.readAt(1, 0, bits), bits);
  const upper = b.signExtend(x.readAt(1, bits / 8, bits), bits);
  b.raiseIf(b.or(b.ltS(index, lower), b.gtS(index, upper)), BR);
};

export const flagsControlSemantics = {
  CLC: clc,
  STC: stc,
  CMC: cmc,
  CLD: cld,
  STD: std,
  LAHF: lahf,
  SAHF: sahf,
  BOUND: bound,
} as const satisfies Record<string, Semantics>;
