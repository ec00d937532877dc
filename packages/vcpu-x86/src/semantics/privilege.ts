// The checks that system instructions begin with: #UD outside of protected mode, #GP(0) below level 0, UMIP.

import { GP, UD } from '../fault.js';
import type { Builder, Value } from '../ir/builder.js';
import { CPL, CR0, CR4, FLAGS_OTHER } from '../state/layout.js';
import { CR4_UMIP } from '../state/register-bits.js';
import type { Operands } from './operands.js';

const FLAG_VM = 0x20000;

/** i32 1 in real-address and virtual-8086 mode. */
export const isRealMode = (b: Builder): Value =>
  b.or(b.eqz(b.andc(b.get(CR0, 32), 1)), b.nez(b.andc(b.get(FLAGS_OTHER, 32), FLAG_VM)));

/** #UD in real-address and virtual-8086 mode. */
export function protectedOnly(b: Builder, x: Operands): void {
  if (x.mode.bits !== 64) b.raiseIf(isRealMode(b), UD);
}
/** #GP(0) except at level 0 (where real mode always is). */
export const supervisorOnly = (b: Builder): void => b.raiseIf(b.nez(b.get(CPL, 32)), GP, 0);
/** #GP(0) at outer levels under CR4.UMIP. */
export function umip(b: Builder): void {
  const on = b.nez(b.andc(b.get(CR4, 32), CR4_UMIP));
  b.raiseIf(b.and(on, b.nez(b.get(CPL, 32))), GP, 0);
}
/** Low and high halves of a general register's value, as arguments of a routine. */
export const halves = (b: Builder, v: Value): [Value, Value] =>
  v.type === 'i64' ? [b.wrap(v), b.wrap(b.shrUc(v, 32))] : [v, b.i32(0)];
