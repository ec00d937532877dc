// Control instructions of the x87 (SDM vol. 1 §8.3.10): control and status word, environment, stack pointer, WAIT.

import { NM } from '../fault.js';
import type { Builder, Value } from '../ir/builder.js';
import { FPU_CONTROL, FPU_STATUS, FPU_TRAP } from '../state/layout.js';
import {
  C1,
  CONTROL_FIXED,
  CONTROL_WRITABLE,
  ENVIRONMENT_BYTES,
  ES_AND_BUSY,
  STATE_BYTES,
  TOP_FIELD,
} from '../state/x87-bits.js';
import { requireCanonical } from './canonical.js';
import { type Operands, RAX, type Semantics } from './operands.js';
import { highHalf, lowHalf, noWait, part, record, wait } from './x87-frame.js';

const fninit: Semantics = (b) => {
  noWait(b);
  b.call('x87Initialize');
};
/** Exceptions, stack fault, ES and B; condition codes stay. */
const fnclex: Semantics = (b) => {
  noWait(b);
  b.set(FPU_STATUS, 32, b.andc(b.get(FPU_STATUS, 32), 0x7f00));
};
const fnstsw: Semantics = (b, x) => {
  noWait(b);
  const status = b.get(FPU_STATUS, 32);
  if (x.isMemory(0)) x.write(0, status);
  else x.setRegister(RAX, 16, status);
};
const fnstcw: Semantics = (b, x) => {
  noWait(b);
  x.write(0, b.get(FPU_CONTROL, 32));
};
/** Unmasking a flagged exception makes it pending, masking it all settles it. */
const fldcw: Semantics = (b, x) => {
  wait(b);
  const control = b.orc(b.andc(x.read(0), CONTROL_WRITABLE), CONTROL_FIXED);
  b.set(FPU_CONTROL, 32, control);
  const status = b.andc(b.get(FPU_STATUS, 32), ~ES_AND_BUSY);
  const pending = b.nez(b.andc(b.and(status, b.not(control)), 0x3f));
  b.set(FPU_STATUS, 32, b.or(status, b.and(b.neg(pending), b.i32(ES_AND_BUSY))));
};

/** Linear address of an operand of `bytes`, both ends checked. */
function range(b: Builder, x: Operands, bytes: number, write: boolean): Value {
  const linear = part(b, x, 0, 0, 8, write);
  part(b, x, 0, bytes - 2, 16, write);
  return linear;
}
const environment =
  (
    name: string,
    sizes: { readonly 16: number; readonly 32: number },
    write: boolean,
    check: (b: Builder) => void,
  ): Semantics =>
  (b, x) => {
    check(b);
    const bits = x.operandBits === 16 ? 16 : 32;
    const linear = range(b, x, sizes[bits], write);
    requireCanonical(b, x, linear);
    b.call(name, lowHalf(b, linear), highHalf(b, linear), b.i32(bits));
  };

const moveTop =
  (by: number): Semantics =>
  (b, x) => {
    wait(b);
    const status = b.get(FPU_STATUS, 32);
    const top = b.andc(b.addc(status, by * 0x800), TOP_FIELD);
    b.set(FPU_STATUS, 32, b.or(b.andc(status, ~(TOP_FIELD | C1)), top));
    record(b, x, null, -1);
  };
/** FNOP; the escape DB has what is left of FNENI, FNDISI and FNSETPM, which do not wait. */
const fnop: Semantics = (b, x) => {
  if (x.shape.row.opcode === 0xdb) return noWait(b);
  wait(b);
  record(b, x, null, -1);
};
/** #NM only when CR0.MP says that WAIT belongs to the task's x87 state. */
const fwait: Semantics = (b) => {
  b.raiseIf(b.andc(b.get(FPU_TRAP, 32), 2), NM);
  b.if(b.andc(b.get(FPU_STATUS, 32), 0x80), () => b.call('x87Pending'));
};

export const x87ControlSemantics = {
  FNINIT: fninit,
  FNCLEX: fnclex,
  FNSTSW: fnstsw,
  FNSTCW: fnstcw,
  FLDCW: fldcw,
  FNSTENV: environment('x87StoreEnvironment', ENVIRONMENT_BYTES, true, noWait),
  FLDENV: environment('x87LoadEnvironment', ENVIRONMENT_BYTES, false, wait),
  FNSAVE: environment('x87Save', STATE_BYTES, true, noWait),
  FRSTOR: environment('x87Restore', STATE_BYTES, false, wait),
  FINCSTP: moveTop(1),
  FDECSTP: moveTop(-1),
  FNOP: fnop,
  FWAIT: fwait,
} as const satisfies Record<string, Semantics>;
