// Liveness in the IR: how often effects, and what they need, use a value.
import type { Node } from '../ir/node.js';

/** Adds to `uses` those of a program. @param asksExpectations does what `expect` says count? */
export function countUses(
  statements: readonly Node[],
  asksExpectations: boolean,
  uses: Map<Node, number>,
): void {
  const need = (n: Node): void => {
    const u = uses.get(n) ?? 0;
    uses.set(n, u + 1);
    if (u === 0 && n.op === 'pure') for (const a of n.args) need(a);
  };
  const count = (list: readonly Node[]): void => {
    for (const n of list) {
      switch (n.op) {
        case 'const':
        case 'field':
        case 'get':
        case 'pure':
        case 'local':
        case 'condition':
        case 'flag':
        case 'leave':
          break;
        case 'expect':
          if (asksExpectations) need(n.args[0]);
          break;
        case 'if':
          need(n.args[0]);
          count(n.body);
          count(n.otherwise);
          break;
        case 'loop':
          count(n.body);
          break;
        case 'store':
          need(n.args[0]);
          need(n.args[1]);
          break;
        default:
          for (const a of n.args) need(a);
      }
    }
  };
  count(statements);
}
