// Floating-point arithmetic and comparison of SSE to SSE4.1 (SDM vol. 1 §10.4.1, §11.4.1, §12.3, §12.9): routines of the same name do
// the work, on register slots of the state page (routines/sse-float.ts); ordinary cases of the five operations stay in the IR.
import type { Builder, Value } from '../ir/builder.js';
import { setArithmeticFlags } from '../ir/flags.js';
import { SCRATCH } from '../state/layout.js';
import type { Operands, Semantics } from './operands.js';
import { guarded, routineOperand, vector } from './simd-operands.js';
import {
  type ArithmeticOperation,
  areNoDenormals,
  floatOf,
  isCalm,
  isComparable,
  isNoDenormal,
  isOrdinary,
  oddLanes,
} from './sse-calm.js';

/** Destination = routine(destination, source, immediate if there is one). */
const arithmetic: Semantics = guarded((b, x) => {
  const source = routineOperand(b, x, 1);
  const operands = [routineOperand(b, x, 0), source];
  if (x.count > 2) operands.push(x.read(2));
  b.call(x.mnemonic, ...operands);
});

/** One of the five operations; ordinary cases without a call (sse-calm.ts). */
const fast = (operation: ArithmeticOperation): Semantics =>
  guarded((b, x) => {
    const bits = x.mnemonic.endsWith('D') ? 64 : 32;
    const isScalar = x.mnemonic.at(-2) === 'S';
    const source = isScalar ? x.read(1) : vector(b, x, 1);
    const operands = operation === 'sqrt' ? [source] : [x.read(0), source];
    let result: Value;
    let plain: Value;
    if (isScalar) {
      result = b.pure(source.type, `${floatOf(source)}.${operation}`, operands);
      plain = b.and(isOrdinary(b, result), areNoDenormals(b, operands));
    } else {
      result = b.pure('v128', `f${bits === 64 ? '64x2' : '32x4'}.${operation}`, operands);
      const odd = oddLanes(b, bits, result, operands);
      plain = b.eqz(b.pure('i32', 'v128.any_true', [odd]));
    }
    b.if(
      b.and(isCalm(b), plain),
      () => x.write(0, result),
      () => {
        b.set(SCRATCH, x.bitsOf(1), source);
        b.call(x.mnemonic, routineOperand(b, x, 0), b.i32(SCRATCH));
        if (isScalar) expectNoDenormals(b, x);
      },
    );
  });
/** Behind the routine of a scalar operation, which did not ask: its registers hold no denormals, as they do not where it was not called. */
function expectNoDenormals(b: Builder, x: Operands): void {
  b.expect(isNoDenormal(b, x.read(0)));
  if (!x.isMemory(1)) b.expect(isNoDenormal(b, x.read(1)));
}

/** ZF, PF and CF say how the operands compare; OF, SF and AF become 0. */
const comparison: Semantics = guarded((b, x) => {
  const source = x.read(1);
  const first = x.read(0);
  const image = b.local('i32');
  const is = (name: 'lt' | 'eq'): Value => compared(b, name, first, source);
  b.if(
    b.and(isComparable(b, first), isComparable(b, source)),
    () => b.assign(image, b.or(is('lt'), b.shlc(is('eq'), 6))),
    () => {
      b.set(SCRATCH, x.bits, source);
      b.assign(image, b.call(x.mnemonic, routineOperand(b, x, 0), b.i32(SCRATCH)));
    },
  );
  setArithmeticFlags(b, b.read(image));
});
/** Do scalars compare so? (i32 0 or 1) */
const compared = (b: Builder, name: 'lt' | 'eq', a: Value, c: Value): Value =>
  b.pure('i32', `${floatOf(a)}.${name}`, [a, c]);
/** The source unless the destination is less (MINSx) or greater (MAXSx): for equal zeros and NaNs too. */
const extreme = (which: 'min' | 'max'): Semantics =>
  guarded((b, x) => {
    const source = x.read(1);
    const old = x.read(0);
    const [less, more] = which === 'min' ? [old, source] : [source, old];
    b.if(
      b.and(isComparable(b, old), isComparable(b, source)),
      () => x.write(0, b.select(compared(b, 'lt', less, more), old, source)),
      () => {
        b.set(SCRATCH, x.bits, source);
        b.call(x.mnemonic, routineOperand(b, x, 0), b.i32(SCRATCH));
        expectNoDenormals(b, x);
      },
    );
  });

export const sseFloatSemantics = {
  ADDPS: fast('add'),
  ADDPD: fast('add'),
  ADDSS: fast('add'),
  ADDSD: fast('add'),
  SUBPS: fast('sub'),
  SUBPD: fast('sub'),
  SUBSS: fast('sub'),
  SUBSD: fast('sub'),
  MULPS: fast('mul'),
  MULPD: fast('mul'),
  MULSS: fast('mul'),
  MULSD: fast('mul'),
  DIVPS: fast('div'),
  DIVPD: fast('div'),
  DIVSS: fast('div'),
  DIVSD: fast('div'),
  MINPS: arithmetic,
  MINPD: arithmetic,
  MINSS: extreme('min'),
  MINSD: extreme('min'),
  MAXPS: arithmetic,
  MAXPD: arithmetic,
  MAXSS: extreme('max'),
  MAXSD: extreme('max'),
  SQRTPS: fast('sqrt'),
  SQRTPD: fast('sqrt'),
  SQRTSS: fast('sqrt'),
  SQRTSD: fast('sqrt'),
  RCPPS: arithmetic,
  RCPSS: arithmetic,
  RSQRTPS: arithmetic,
  RSQRTSS: arithmetic,
  CMPPS: arithmetic,
  CMPPD: arithmetic,
  CMPSS: arithmetic,
  CMPSD: arithmetic,
  HADDPS: arithmetic,
  HADDPD: arithmetic,
  HSUBPS: arithmetic,
  HSUBPD: arithmetic,
  ADDSUBPS: arithmetic,
  ADDSUBPD: arithmetic,
  ROUNDPS: arithmetic,
  ROUNDPD: arithmetic,
  ROUNDSS: arithmetic,
  ROUNDSD: arithmetic,
  DPPS: arithmetic,
  DPPD: arithmetic,
  UCOMISS: comparison,
  UCOMISD: comparison,
  COMISS: comparison,
  COMISD: comparison,
} as const satisfies Record<string, Semantics>;
