// An instruction's IR as a region can run it: what only the cold tier can do (routines, faults) becomes a way out to it. The cold
// tier then does the whole instruction, so a way out stands before the first effect that a second run would not repeat alike.
import type { Node } from '../ir/node.js';
import { convertingRoutines, isContained, isInfallible } from '../semantics/contained-routines.js';
import { FLAG_AUX, FLAG_RESULT, SCRATCH } from '../state/layout.js';

/** What has happened before a statement. */
interface Effects {
  /** Registers, flags or other parts of the state were set. */
  readonly state: boolean;
  /** Memory was written: stores and loads may still follow (the semantics' order allows it), but no other way out. */
  readonly memory: boolean;
}
type Prepared = { readonly statements: readonly Node[]; readonly effects: Effects } | null;

/** The way out: the region emits it as such whatever the vector. */
const way: Node = { op: 'raise', type: 'none', uses: 0, vector: 0, args: [] };

/** Null: the instruction is the cold tier's. */
export function prepare(statements: readonly Node[]): readonly Node[] | null {
  const prepared = list(statements, { state: false, memory: false });
  return prepared?.statements ?? null;
}

function list(statements: readonly Node[], before: Effects): Prepared {
  const result: Node[] = [];
  let effects = before;
  for (const n of statements) {
    const prepared = n.op === 'if' ? branches(n, effects) : single(n, effects);
    if (!prepared) return null;
    result.push(...prepared.statements);
    effects = prepared.effects;
  }
  return { statements: result, effects };
}

function single(n: Node, effects: Effects): Prepared {
  const same = { statements: [n], effects };
  const changed = { statements: [n], effects: { ...effects, state: true } };
  switch (n.op) {
    case 'field':
    case 'transfer':
    case 'raise':
    case 'leave':
      return null;
    case 'call': {
      if (!isContained(n.routine)) return null;
      if (!isInfallible(n.routine) && (effects.state || effects.memory)) return null;
      return convertingRoutines.has(n.routine) ? same : changed;
    }
    case 'loop':
      return isLocal(n.body) ? changed : null;
    case 'get':
      return isFlags(n.base) ? null : same;
    case 'set':
      return isFlags(n.base) ? null : n.base === SCRATCH ? same : changed;
    case 'flags':
    case 'branch':
      return changed;
    // Nothing was moved where it says 0, and only there ways out follow.
    case 'copy':
    case 'fill':
      return same;
    case 'load':
    case 'segment':
      return effects.state ? null : same;
    case 'store':
      return effects.state ? null : { statements: [n], effects: { ...effects, memory: true } };
    default:
      return same;
  }
}

function branches(n: Node & { op: 'if' }, effects: Effects): Prepared {
  const arm = (body: readonly Node[]): Prepared => {
    const prepared = body.some((s) => s.op === 'branch') ? null : list(body, effects);
    if (prepared || effects.state || effects.memory) return prepared;
    return { statements: [way], effects };
  };
  const body = arm(n.body);
  const otherwise = arm(n.otherwise);
  if (!body || !otherwise) return null;
  return {
    statements: [{ ...n, body: [...body.statements], otherwise: [...otherwise.statements] }],
    effects: {
      state: body.effects.state || otherwise.effects.state,
      memory: body.effects.memory || otherwise.effects.memory,
    },
  };
}

/** Has the prepared instruction ways out? */
export const hasWayOut = (statements: readonly Node[]): boolean =>
  statements.some((n) => {
    switch (n.op) {
      case 'load':
      case 'store':
      case 'segment':
      case 'raise':
        return true;
      case 'call':
        return !isInfallible(n.routine);
      case 'if':
        return hasWayOut(n.body) || hasWayOut(n.otherwise);
      default:
        return false;
    }
  });

const isFlags = (base: number): boolean => base === FLAG_RESULT || base === FLAG_AUX;
/** A loop that computes with its locals alone. */
const isLocal = (statements: readonly Node[]): boolean =>
  statements.every((n) =>
    n.op === 'if'
      ? isLocal(n.body) && isLocal(n.otherwise)
      : ['const', 'pure', 'local', 'assign', 'leave'].includes(n.op),
  );
