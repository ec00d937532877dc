// Scalar SSE arithmetic whose result is zero because it must be: of equal numbers, or of zeros. Generated code leaves it to the routine,
// as every result that may have been too small, and this is in front of that.
import { SCRATCH, XMM } from '../state/layout.js';
import type { FastRoutine } from './fast-routine.js';
import { need } from './fast-routine.js';
import {
  type ArithmeticOperation,
  areNoDenormals,
  floatOf,
  isCalm,
  isExactZero,
} from './sse-calm.js';

/** Destination: place of a register in the state page; the source is in SCRATCH. */
const zeros = (operation: ArithmeticOperation, bits: 32 | 64): FastRoutine => ({
  parameters: 2,
  body: (b, result, destination) => {
    const slot = { local: b.local('i32', b.addc(destination, -XMM)) };
    const source = b.get(SCRATCH, bits);
    const operands = operation === 'sqrt' ? [source] : [b.get(XMM, bits, slot), source];
    const zero = b.pure(source.type, `${floatOf(source)}.${operation}`, operands);
    need(b, isCalm(b));
    need(b, isExactZero(b, operation, zero, operands));
    need(b, areNoDenormals(b, operands));
    b.set(XMM, bits, zero, slot);
    b.assign(result, b.i32(0));
  },
});

const operations: readonly ArithmeticOperation[] = ['add', 'sub', 'mul', 'div', 'sqrt'];
export const sseFastRoutines: Readonly<Record<string, FastRoutine>> = Object.fromEntries(
  operations.flatMap((operation) => [
    [`${operation.toUpperCase()}SS`, zeros(operation, 32)],
    [`${operation.toUpperCase()}SD`, zeros(operation, 64)],
  ]),
);
