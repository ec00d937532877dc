// CLI, STI, PUSHF, POPF (SDM vol. 2; vol. 3A §6.8.1): the common cases entirely in generated code.

import { GP } from '../fault.js';
import type { Builder, Value } from '../ir/builder.js';
import { ARITHMETIC_FLAGS, rflags, setArithmeticFlags } from '../ir/flags.js';
import type { Bits } from '../ir/node.js';
import { CPL, FLAGS_OTHER, INTERRUPT_LINE, INTERRUPT_SHADOW } from '../state/layout.js';
import {
  FLAG_AC,
  FLAG_ID,
  FLAG_IF,
  FLAG_IOPL,
  FLAG_NT,
  FLAG_RF,
  FLAG_TF,
  FLAG_VM,
} from '../state/register-bits.js';
import type { Semantics } from './operands.js';

const DF = 0x400;
const iopl = (b: Builder): Value => b.andc(b.shrUc(b.get(FLAGS_OTHER, 32), 12), 3);

/** #GP(0) unless CPL ≤ IOPL: true as well in real mode (level 0) and virtual-8086 mode (level 3). */
const interruptRights = (b: Builder): void => b.raiseIf(b.gtU(b.get(CPL, 32), iopl(b)), GP, 0);
/** PUSHF and POPF need IOPL 3 in virtual-8086 mode. */
function v86Rights(b: Builder): void {
  const flags = b.get(FLAGS_OTHER, 32);
  const isV86 = b.nez(b.andc(flags, FLAG_VM));
  b.raiseIf(b.and(isV86, b.ne(b.andc(flags, FLAG_IOPL), b.i32(FLAG_IOPL))), GP, 0);
}

export const cli: Semantics = (b) => {
  interruptRights(b);
  b.set(FLAGS_OTHER, 32, b.andc(b.get(FLAGS_OTHER, 32), ~FLAG_IF));
};
/** Interrupts wait for one more instruction. The shadow may outlive it until the run loop looks again; HLT ends it. */
export const sti: Semantics = (b, x) => {
  interruptRights(b);
  const flags = b.get(FLAGS_OTHER, 32);
  const isOff = b.eqz(b.andc(flags, FLAG_IF));
  const enable = (): void => {
    b.set(FLAGS_OTHER, 32, b.orc(flags, FLAG_IF));
    b.set(INTERRUPT_SHADOW, 32, b.i32(1));
  };
  b.if(
    b.and(isOff, b.get(INTERRUPT_LINE, 32)),
    () => {
      enable();
      b.call('interruptsEnabled');
      b.jump(x.next());
    },
    () => b.if(isOff, enable),
  );
};

export const pushf: Semantics = (b, x) => {
  if (x.mode.bits !== 64) v86Rights(b);
  const image = b.andc(rflags(b), ~(FLAG_VM | FLAG_RF));
  const bits = x.operandBits as Bits;
  x.push(bits, bits === 64 ? b.extendU(image) : image);
};

export const popf: Semantics = (b, x) => {
  if (x.mode.bits !== 64) v86Rights(b);
  const bits = x.operandBits as Bits;
  const image = b.wrap(x.peek(bits));
  const old = b.get(FLAGS_OTHER, 32);
  const level = b.get(CPL, 32);
  const always = FLAG_TF | DF | FLAG_NT | (bits === 16 ? 0 : FLAG_AC | FLAG_ID);
  const forIf = b.select(b.leU(level, iopl(b)), b.i32(FLAG_IF), b.i32(0));
  const forIopl = b.select(b.eqz(level), b.i32(FLAG_IOPL), b.i32(0));
  const mask = b.orc(b.or(forIf, forIopl), always);
  const kept = b.and(old, b.andc(b.not(mask), ~FLAG_RF));
  const next = b.or(kept, b.and(image, mask));
  // IF may let an interrupt in that waits, AC changes what memory checks, TF steps: then the run loop must look.
  const rises = b.nez(b.andc(b.and(next, b.not(old)), FLAG_IF));
  const letsIn = b.and(rises, b.get(INTERRUPT_LINE, 32));
  const changes = b.andc(b.xor(next, old), FLAG_AC);
  const isSlow = b.or(b.or(letsIn, changes), b.andc(next, FLAG_TF));
  const load = (): void => {
    b.set(FLAGS_OTHER, 32, next);
    setArithmeticFlags(b, image, ARITHMETIC_FLAGS);
    x.drop(bits / 8);
  };
  b.if(
    isSlow,
    () => {
      load();
      b.transfer('flagsLoaded');
    },
    load,
  );
};

export const flagsPrivilegedSemantics = {
  CLI: cli,
  STI: sti,
  PUSHF: pushf,
  POPF: popf,
} as const satisfies Record<string, Semantics>;
