// Floating-point arithmetic and comparison of SSE to SSE4.1 (SDM vol. 1 §10.4.1, §11.4.1, §12.3, §12.9): routines of the same name do
// the work, on register slots of the state page (routines/sse-float.ts).
import { setArithmeticFlags } from '../ir/flags.js';
import type { Semantics } from './operands.js';
import { guarded, routineOperand } from './simd-operands.js';

/** Destination = routine(destination, source, immediate if there is one). */
const arithmetic: Semantics = guarded((b, x) => {
  const source = routineOperand(b, x, 1);
  const operands = [routineOperand(b, x, 0), source];
  if (x.count > 2) operands.push(x.read(2));
  b.call(x.mnemonic, ...operands);
});
/** ZF, PF and CF say how the operands compare; OF, SF and AF become 0. */
const comparison: Semantics = guarded((b, x) => {
  const source = routineOperand(b, x, 1);
  setArithmeticFlags(b, b.call(x.mnemonic, routineOperand(b, x, 0), source));
});

export const sseFloatSemantics = {
  ADDPS: arithmetic,
  ADDPD: arithmetic,
  ADDSS: arithmetic,
  ADDSD: arithmetic,
  SUBPS: arithmetic,
  SUBPD: arithmetic,
  SUBSS: arithmetic,
  SUBSD: arithmetic,
  MULPS: arithmetic,
  MULPD: arithmetic,
  MULSS: arithmetic,
  MULSD: arithmetic,
  DIVPS: arithmetic,
  DIVPD: arithmetic,
  DIVSS: arithmetic,
  DIVSD: arithmetic,
  MINPS: arithmetic,
  MINPD: arithmetic,
  MINSS: arithmetic,
  MINSD: arithmetic,
  MAXPS: arithmetic,
  MAXPD: arithmetic,
  MAXSS: arithmetic,
  MAXSD: arithmetic,
  SQRTPS: arithmetic,
  SQRTPD: arithmetic,
  SQRTSS: arithmetic,
  SQRTSD: arithmetic,
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
