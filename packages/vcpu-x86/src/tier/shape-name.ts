// Names of forms in lists that people read.
import { rows } from '../isa/table.js';
import type { Mode, Shape } from '../semantics/shape.js';

/** A form's name: its row's encoding and template, operand and address size, r or m (x: indexed, s: segmented), repeat prefix. */
export function shapeName(s: Shape): string {
  const where = `${s.isRegister ? 'r' : 'm'}${s.indexed ? 'x' : ''}${s.segmented ? 's' : ''}`;
  const repeat = s.repeat === 0 ? '' : `|${s.repeat.toString(16)}`;
  return `${s.row.source[0]}|${s.row.source[1]}|${s.operandBits}|${s.addressBits}|${where}${repeat}`;
}

/** The shape that a name of {@link shapeName} means in a mode; null if no row is so called. */
export function shapeOfName(name: string, mode: Mode): Shape | null {
  const [encoding, template, operand, address, where, repeat] = name.split('|');
  const row = rows.find((r) => r.source[0] === encoding && r.source[1] === template);
  if (!row) return null;
  return {
    mode,
    row,
    operandBits: Number(operand) as 16 | 32 | 64,
    addressBits: Number(address) as 16 | 32 | 64,
    isRegister: where.startsWith('r'),
    indexed: where.includes('x'),
    segmented: where.endsWith('s'),
    repeat: (repeat ? Number.parseInt(repeat, 16) : 0) as 0 | 0xf2 | 0xf3,
  };
}
