// One instruction → bytes: every row and size that takes the operands is tried, the shortest encoding wins.
import { addressSizes, isRowIn, operandSizesOf, prefixesFor, usesAddress } from '../isa/form.js';
import type { CodeBits } from '../isa/instruction.js';
import type { Operand } from '../isa/operand.js';
import type { Row } from '../isa/row.js';
import { rows } from '../isa/table.js';
import { AsmError, type Scope } from './expression.js';
import { plainSize, showsSize } from './implied-size.js';
import { fits, immediateBytesOf, matches } from './match.js';
import { hidesOperands, resolveSpelling, spellingOf } from './mnemonic-names.js';
import { addressBitsOf, defaultSegment, encodeMemory, littleEndian } from './modrm.js';
import type { MemoryValue, OperandValue, Prefixes } from './operand-value.js';
import { registers } from './register-names.js';

type Bits = 16 | 32 | 64;

interface Candidate {
  readonly row: Row;
  readonly operandBits: Bits;
  /** Set where the spelling says it (JCXZ). */
  readonly addressBits: Bits | 0;
}

/** Where and how an instruction is assembled. */
export interface EncodeContext {
  readonly bits: CodeBits;
  readonly scope: Scope;
  /** Branches may be one byte long. */
  readonly allowShort: boolean;
}

const tables = new Map<CodeBits, Map<string, Candidate[]>>();

function candidatesIn(bits: CodeBits): Map<string, Candidate[]> {
  let table = tables.get(bits);
  if (table) return table;
  table = new Map();
  for (const row of rows) {
    if (row.attributes.has('alias') || !isRowIn(row, bits)) continue;
    for (const operandBits of operandSizesOf(row, bits)) {
      for (const addressBits of row.mnemonic === 'JCXZ' ? addressSizes[bits] : ([0] as const)) {
        const name = spellingOf(row, operandBits, addressBits || bits);
        const list = table.get(name) ?? [];
        list.push({ row, operandBits, addressBits });
        table.set(name, list);
      }
    }
  }
  tables.set(bits, table);
  return table;
}

/** Whether `name` is an instruction in code of this size. */
export function isInstruction(name: string, bits: CodeBits): boolean {
  const { spelling, sizeless } = resolveSpelling(name);
  return sizeless !== null || candidatesIn(bits).has(spelling);
}

function candidatesFor(name: string, bits: CodeBits, prefixes: Prefixes): Candidate[] {
  const { spelling, sizeless } = resolveSpelling(name);
  if (sizeless === null) {
    const found = candidatesIn(bits).get(spelling);
    if (!found) throw new AsmError(`${name} is no instruction of ${bits}-bit code`);
    return found.filter(
      ({ row, operandBits }) =>
        operandSizesOf(row, bits).length === 1 ||
        (showsSize(row)
          ? prefixes.operandBits === 0 || prefixes.operandBits === operandBits
          : true),
    );
  }
  const found: Candidate[] = [];
  for (const row of rows) {
    if (row.mnemonic !== sizeless || !isRowIn(row, bits)) continue;
    found.push({ row, operandBits: prefixes.operandBits || plainSize(row, bits), addressBits: 0 });
  }
  if (found.length === 0) throw new AsmError(`${name} is no instruction of ${bits}-bit code`);
  return found;
}

const st1 = registers.get('st1');

/** The row's operands with what the program may leave out (ST0, XMM0, a lone ST1) filled in; null when the count differs. */
function complete(
  row: Row,
  values: readonly OperandValue[],
): (readonly [Operand, OperandValue])[] | null {
  const operands = hidesOperands(row) ? [] : row.operands;
  if (values.length === operands.length) return operands.map((o, i) => [o, values[i]]);
  const written = operands.filter((o) => o.fixed !== 'ST0' && o.fixed !== 'XMM0');
  if (written.length === operands.length) return null;
  if (values.length === written.length) return written.map((o, i) => [o, values[i]]);
  const pops =
    row.mnemonic === 'FXCH' || (row.mnemonic.endsWith('P') && operands[1]?.fixed === 'ST0');
  if (values.length === 0 && written.length === 1 && written[0].addressing === 'T' && pops && st1)
    return [[written[0], { kind: 'register', register: st1 }]];
  return null;
}

/** Bytes of one candidate, or null when an operand does not fit. */
function encodeCandidate(
  c: Candidate,
  values: readonly OperandValue[],
  prefixes: Prefixes,
  context: EncodeContext,
): number[] | null {
  const { row, operandBits } = c;
  const { bits, scope } = context;
  const pairs = complete(row, values);
  if (!pairs?.every(([o, v]) => matches(o, v, row, operandBits, bits))) return null;
  // A size that nothing shows is the mode's, unless a prefix or the immediate's keyword says another.
  if (!showsSize(row) && operandSizesOf(row, bits).length > 1) {
    const said = values.find((v) => v.kind === 'immediate' && v.bits >= 16) as
      | { bits: number }
      | undefined;
    const keyword =
      said && row.mnemonic === 'PUSH' ? (bits === 64 && said.bits === 32 ? 64 : said.bits) : 0;
    if (operandBits !== (prefixes.operandBits || keyword || plainSize(row, bits))) return null;
  }
  const sizes = prefixesFor(row, bits, operandBits);
  if (!sizes) return null;

  let rex = sizes.rexW ? 0x48 : 0;
  let forbidsRex = false;
  let reg = Math.max(row.extension, 0);
  let rm = 0;
  let memory: MemoryValue | null = null;
  const immediate: number[] = [];
  let branchBytes = 0;
  let target = 0n;
  let opcode = row.opcode;
  let moffs: bigint | null = null;
  for (const [o, v] of pairs) {
    if (v.kind === 'register' && o.addressing !== 'fixed') {
      const { register } = v;
      if (register.rex === 'needed') rex |= 0x40;
      if (register.rex === 'forbidden') forbidsRex = true;
      const high = register.number >= 8;
      if ('GVPSCD'.includes(o.addressing)) {
        reg = register.number & 7;
        if (high) rex |= 0x44;
      } else {
        rm = register.number & 7;
        if (high) rex |= 0x41;
        if (o.addressing === 'Z') opcode |= rm;
        // 90 is NOP, and as NOP does not clear the upper half of RAX.
        if (row.mnemonic === 'XCHG' && o.addressing === 'Z' && register.number === 0) return null;
      }
    } else if (v.kind === 'memory') {
      if (o.addressing === 'O') moffs = v.displacement.evaluate(scope);
      memory = v;
    } else if (v.kind === 'immediate' && o.addressing === 'I') {
      const encoded = immediateBytesOf(o, v, operandBits, scope);
      if (!encoded) return null;
      immediate.push(...littleEndian(encoded.value, encoded.bytes));
    } else if (v.kind === 'immediate' && o.addressing === 'J') {
      if (o.width === 'b' && !context.allowShort && v.distance === null && hasLongForm(row, bits))
        return null;
      branchBytes = o.width === 'b' ? 1 : operandBits === 16 ? 2 : 4;
      target = v.value.evaluate(scope);
    } else if (v.kind === 'far') {
      if (!fits(v.offset.evaluate(scope), operandBits)) return null;
      immediate.push(
        ...littleEndian(v.offset.evaluate(scope), operandBits / 8),
        ...littleEndian(v.selector.evaluate(scope), 2),
      );
    }
  }

  const bytes: number[] = [];
  const addressBits = addressSizeOf(c, memory, prefixes, bits);
  if (prefixes.lock) bytes.push(0xf0);
  if (prefixes.repeat) bytes.push(prefixes.repeat);
  const segment = memory?.segment ?? prefixes.segment;
  if (
    segment !== null &&
    segment !== (memory ? defaultSegment(memory) : 3) &&
    (bits !== 64 || segment >= 4)
  )
    bytes.push([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65][segment]);
  if (addressBits !== bits) bytes.push(0x67);
  if (sizes.has66 || row.prefix === '66') bytes.push(0x66);
  if (row.prefix === 'f3') bytes.push(0xf3);
  if (row.prefix === 'f2') bytes.push(0xf2);

  const tail: number[] = [];
  let relativeAt = -1;
  if (memory && moffs === null) {
    const encoded = encodeMemory(memory, reg, addressBits, bits, scope);
    if (encoded.rexX) rex |= 0x42;
    if (encoded.rexB) rex |= 0x41;
    tail.push(...encoded.bytes);
    relativeAt = encoded.relativeAt;
  } else if (row.modrm !== 'none') {
    tail.push(0xc0 | (reg << 3) | (row.fixedRm >= 0 ? row.fixedRm : rm));
  }
  if (moffs !== null) {
    if (moffs < 0n || moffs >= 1n << BigInt(addressBits)) return null;
    tail.push(...littleEndian(moffs, addressBits / 8));
  }
  if (rex !== 0) {
    if (bits !== 64) return null;
    if (forbidsRex) throw new AsmError('AH, BH, CH and DH cannot stand beside a REX prefix');
    bytes.push(rex);
  }
  if (row.map > 0) bytes.push(0x0f);
  if (row.map > 1) bytes.push(row.map === 2 ? 0x38 : 0x3a);
  bytes.push(opcode);
  const tailAt = bytes.length;
  bytes.push(...tail, ...immediate);
  if (memory?.isRelative && relativeAt >= 0) {
    const distance = memory.displacement.evaluate(scope) - (scope.here + BigInt(bytes.length));
    if (distance !== BigInt.asIntN(32, distance))
      throw new AsmError('rip-relative target is more than 2 GiB away');
    littleEndian(distance, 4).forEach((byte, i) => {
      bytes[tailAt + relativeAt + i] = byte;
    });
  }
  if (branchBytes > 0) {
    const wrap = operandBits === 16 ? 16 : bits === 64 ? 64 : 32;
    const distance = BigInt.asIntN(
      wrap,
      target - (scope.here + BigInt(bytes.length + branchBytes)),
    );
    if (distance !== BigInt.asIntN(branchBytes * 8, distance)) return null;
    bytes.push(...littleEndian(distance, branchBytes));
  }
  return bytes;
}

function hasLongForm(row: Row, bits: CodeBits): boolean {
  return (candidatesIn(bits).get(row.mnemonic.toLowerCase()) ?? []).some(
    (c) => c.row.operands[0]?.width === 'z',
  );
}

function addressSizeOf(
  c: Candidate,
  memory: MemoryValue | null,
  prefixes: Prefixes,
  bits: CodeBits,
): Bits {
  if (memory) return addressBitsOf(memory, bits);
  if (c.addressBits) return c.addressBits;
  return usesAddress(c.row, true) ? prefixes.addressBits || bits : bits;
}

function checkPrefixes(
  row: Row,
  values: readonly OperandValue[],
  prefixes: Prefixes,
  name: string,
): void {
  if (prefixes.lock && (!row.attributes.has('lock') || values.every((v) => v.kind !== 'memory')))
    throw new AsmError(`${name} cannot be locked: LOCK needs a read-modify-write of memory`);
  if (prefixes.repeat && !row.attributes.has('rep') && !row.attributes.has('repz'))
    throw new AsmError(`${name} takes no repeat prefix`);
}

/** The width that a row would give a memory operand whose size was not written. */
function memoryWidth(c: Candidate): string {
  const o = c.row.operands.find((operand) => 'EMQWO'.includes(operand.addressing));
  return o ? `${o.width}${'vzpy'.includes(o.width) ? c.operandBits : ''}` : '';
}

function checkRegister(v: OperandValue, bits: CodeBits): void {
  if (v.kind !== 'register' || bits === 64) return;
  const { name, kind, rex, bits: width } = v.register;
  if (rex === 'needed' || (kind === 'gpr' && width === 64))
    throw new AsmError(`${name} exists only in 64-bit code`);
}

/** What an encoding cannot express is a reason against it, and an error only when no other can. */
function attempt(encodeOne: () => number[] | null): number[] | null | AsmError {
  try {
    return encodeOne();
  } catch (error) {
    if (error instanceof AsmError) return error;
    throw error;
  }
}

/**
 * Assembles one instruction.
 * @throws AsmError when no encoding takes these operands, or when a memory operand's size is open
 */
export function encode(
  name: string,
  values: readonly OperandValue[],
  prefixes: Prefixes,
  context: EncodeContext,
): number[] {
  const lower = name.toLowerCase();
  for (const v of values) checkRegister(v, context.bits);
  const orders: (readonly OperandValue[])[] = [values];
  // Symmetric: either order names the same instruction.
  if ((lower === 'xchg' || lower === 'test') && values.length === 2)
    orders.push([values[1], values[0]]);
  const isOpen = values.some((v) => v.kind === 'memory' && v.bits === 0);
  let best: number[] | null = null;
  let bestRow: Row | null = null;
  let reason: AsmError | null = null;
  const widths = new Map<string, Candidate>();
  const encodings: { c: Candidate; bytes: number[] }[] = [];
  for (const c of candidatesFor(lower, context.bits, prefixes)) {
    for (const order of orders) {
      const bytes = attempt(() => encodeCandidate(c, order, prefixes, context));
      if (bytes instanceof AsmError) reason ??= bytes;
      if (!Array.isArray(bytes)) continue;
      encodings.push({ c, bytes });
      if (isOpen) widths.set(memoryWidth(c), c);
    }
  }
  if (widths.size > 1) {
    const implied = encodings.filter(
      ({ c }) =>
        (c.row.attributes.has('d64') ||
          c.row.attributes.has('f64') ||
          c.row.operands[0]?.width === 'p') &&
        c.operandBits === plainSize(c.row, context.bits),
    );
    if (implied.length === 0)
      throw new AsmError(`${name}: say the size of the memory operand (byte, word, dword…)`);
    encodings.splice(0, encodings.length, ...implied);
  }
  for (const { c, bytes } of encodings) {
    if (best && bytes.length >= best.length) continue;
    best = bytes;
    bestRow = c.row;
  }
  if ((!best || !bestRow) && reason) throw reason;
  if (!best || !bestRow)
    throw new AsmError(`no form of ${name} takes these operands in ${context.bits}-bit code`);
  checkPrefixes(bestRow, values, prefixes, name);
  if (best.length > 15)
    throw new AsmError(`${name} would be ${best.length} bytes long; 15 is the limit`);
  return best;
}
