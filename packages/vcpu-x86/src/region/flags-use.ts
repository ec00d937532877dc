// What instructions of a region do with flags.
import type { Node } from '../ir/node.js';
import type { RegionInstruction } from './discover.js';

export type FlagsNode = Node & { readonly op: 'flags' };

export interface FlagsUse {
  /**
   * `passes`: sets none and looks at none. `increments`: an INC or DEC, which keeps CF. `replaces`: sets all, whatever happens in it, and
   * looks at none.
   */
  readonly kind: 'passes' | 'increments' | 'replaces' | 'other';
  /** What may set some. */
  readonly sets: readonly FlagsNode[];
}

const uses = new WeakMap<readonly Node[], FlagsUse>();

/** Once for each program, since regions share those. */
export function flagsUseOf(program: readonly Node[]): FlagsUse {
  let use = uses.get(program);
  if (!use) {
    use = { kind: kindOf(program), sets: setsIn(program) };
    uses.set(program, use);
  }
  return use;
}

function setsIn(statements: readonly Node[]): FlagsNode[] {
  return statements.flatMap((n) => {
    if (n.op === 'flags') return [n];
    if (n.op === 'if') return [...setsIn(n.body), ...setsIn(n.otherwise)];
    return n.op === 'loop' ? setsIn(n.body) : [];
  });
}

function kindOf(program: readonly Node[]): FlagsUse['kind'] {
  let kind: FlagsUse['kind'] = 'passes';
  for (const n of program) {
    if (n.op === 'flags') {
      if (n.kind === 'carry' || n.kind === 'rotate') return 'other';
      kind = n.kind === 'inc' || n.kind === 'dec' ? 'increments' : 'replaces';
    } else if (concernsFlags(n)) return 'other';
  }
  return kind;
}

function concernsFlags(n: Node): boolean {
  switch (n.op) {
    case 'flags':
    case 'flag':
    case 'condition':
      return true;
    case 'if':
      return n.body.some(concernsFlags) || n.otherwise.some(concernsFlags);
    case 'loop':
      return n.body.some(concernsFlags);
    default:
      return false;
  }
}

/** Which instructions of a block are an INC or DEC behind which flags are replaced before anything looks at them: see late-flags.ts. */
export function lateOnes(instructions: readonly RegionInstruction[]): boolean[] {
  const late = new Array<boolean>(instructions.length).fill(false);
  let areReplaced = false;
  for (let n = instructions.length - 1; n >= 0; n--) {
    const { kind } = flagsUseOf(instructions[n].program);
    late[n] = kind === 'increments' && areReplaced;
    if (kind === 'replaces') areReplaced = true;
    else if (kind === 'other') areReplaced = false;
  }
  return late;
}
