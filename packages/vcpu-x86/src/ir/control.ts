// Where control goes behind an instruction, from its IR.
import type { Node } from './node.js';

/** Does control never reach the instruction behind? */
export function endsBlock(statements: readonly Node[]): boolean {
  const last = statements[statements.length - 1];
  if (!last) return false;
  if (last.op === 'if') return endsBlock(last.body) && endsBlock(last.otherwise);
  return (
    (last.op === 'branch' && last.args.length === 1) ||
    last.op === 'transfer' ||
    last.op === 'raise'
  );
}
