// Assembly text, NASM's flavour of Intel syntax, line by line: labels, instructions, `bits`, `org`, `db`…`dq`, `resb`…`resq`,
// `align`, `times`, `equ`; comments from `;`. A label that starts with a dot belongs to the last one that does not.
import type { Assembler } from './assembler.js';
import { isInstruction } from './encode.js';
import {
  AsmError,
  constant,
  type Expression,
  nowhere,
  numberOf,
  TokenReader,
  tokenize,
  unquote,
} from './expression.js';
import type { OperandValue, Prefixes } from './operand-value.js';
import { parseOperand } from './parse-operand.js';
import { registers, segmentNames } from './register-names.js';
import {
  AlignStatement,
  DataStatement,
  InstructionStatement,
  RawStatement,
  RepeatStatement,
  type Statement,
} from './statement.js';

const dataWidths: Readonly<Record<string, number>> = { db: 1, dw: 2, dd: 4, dq: 8 };
const spaceWidths: Readonly<Record<string, number>> = { resb: 1, resw: 2, resd: 4, resq: 8 };
const repeats: Readonly<Record<string, 0xf2 | 0xf3>> = {
  rep: 0xf3,
  repe: 0xf3,
  repz: 0xf3,
  repne: 0xf2,
  repnz: 0xf2,
};
/** Largest space that one directive may reserve. */
const MAX_SPACE = 64 << 20;

/** The line without its comment; a `;` inside quotes is none. */
function withoutComment(line: string): string {
  return /^(?:[^;'"]|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")*/.exec(line)?.[0] ?? line;
}

function constantValue(e: Expression, what: string): number {
  if (e.isSymbolic) throw new AsmError(`${what} must be a constant`);
  return Number(e.evaluate(nowhere));
}

function parseList<T>(reader: TokenReader, item: () => T): T[] {
  if (reader.isDone) return [];
  const items = [item()];
  while (!reader.isDone) {
    reader.expect(',');
    items.push(item());
  }
  return items;
}

function parseData(reader: TokenReader, width: number): Expression[] {
  const items = parseList(reader, (): Expression[] => {
    const token = reader.peek ?? '';
    // A string of several characters is that many bytes, padded to whole elements.
    if (/^['"]/.test(token) && (token[0] === '"' || width === 1)) {
      reader.next();
      const bytes = [...new TextEncoder().encode(unquote(token))];
      while (bytes.length % width !== 0) bytes.push(0);
      const elements: Expression[] = [];
      for (let i = 0; i < bytes.length; i += width)
        elements.push(
          constant(bytes.slice(i, i + width).reduceRight((n, b) => n * 256n + BigInt(b), 0n)),
        );
      return elements;
    }
    return [reader.expression()];
  });
  return items.flat();
}

/** Prefix words, and the mnemonic after them. */
export function parsePrefixes(reader: TokenReader): { name: string; prefixes: Prefixes } {
  let lock = false;
  let repeat: Prefixes['repeat'] = 0;
  let segment: number | null = null;
  let operandBits: Prefixes['operandBits'] = 0;
  let addressBits: Prefixes['addressBits'] = 0;
  for (;;) {
    const name = reader.next();
    const word = name.toLowerCase();
    if (word === 'lock') lock = true;
    else if (word in repeats) repeat = repeats[word];
    else if (segmentNames.includes(word)) segment = segmentNames.indexOf(word);
    else if (/^[oa](16|32|64)$/.test(word)) {
      if (word[0] === 'o') operandBits = Number(word.slice(1)) as 16 | 32 | 64;
      else addressBits = Number(word.slice(1)) as 16 | 32 | 64;
    } else return { name, prefixes: { lock, repeat, segment, operandBits, addressBits } };
  }
}

function parseStatement(
  a: Assembler,
  reader: TokenReader,
  line: number,
  source: string,
): Statement | null {
  const word = reader.peek?.toLowerCase() ?? '';
  if (word in dataWidths) {
    reader.next();
    return new DataStatement(line, source, dataWidths[word], parseData(reader, dataWidths[word]));
  }
  if (word in spaceWidths) {
    reader.next();
    const size = constantValue(reader.expression(), word) * spaceWidths[word];
    if (!(size >= 0 && size <= MAX_SPACE)) throw new AsmError(`cannot reserve ${size} bytes`);
    return new RawStatement(line, source, new Uint8Array(size));
  }
  switch (word) {
    case 'align': {
      reader.next();
      const boundary = constantValue(reader.expression(), 'align');
      return new AlignStatement(
        line,
        source,
        boundary,
        reader.take(',') ? constantValue(reader.expression(), 'align') : 0x90,
      );
    }
    case 'bits': {
      reader.next();
      const bits = constantValue(reader.expression(), 'bits');
      if (bits !== 16 && bits !== 32 && bits !== 64)
        throw new AsmError(`bits is 16, 32 or 64, not ${bits}`);
      a.bits(bits);
      return null;
    }
    case 'org':
      reader.next();
      a.org(BigInt(constantValue(reader.expression(), 'org')));
      return null;
    case 'times': {
      reader.next();
      const count = reader.expression();
      const inner = parseStatement(a, reader, line, source);
      if (!inner) throw new AsmError('times repeats data or an instruction');
      return new RepeatStatement(count, inner);
    }
  }
  const { name, prefixes } = parsePrefixes(reader);
  const operands = parseList<OperandValue>(reader, () => parseOperand(reader));
  if (!isInstruction(name, a.codeBits))
    throw new AsmError(`${name} is no instruction of ${a.codeBits}-bit code`);
  return new InstructionStatement(line, source, name, operands, prefixes, a.codeBits);
}

const isName = (token: string | undefined): boolean =>
  /^[a-z_.?@][\w.?@$]*$/i.test(token ?? '') &&
  !registers.has(token?.toLowerCase() ?? '') &&
  numberOf(token ?? '') === null;

function parseLine(a: Assembler, line: number, text: string): void {
  const resolve = (name: string): Expression => a.reference(name);
  let tokens = tokenize(text);
  while (isName(tokens[0]) && tokens[1] === ':') {
    a.label(tokens[0]);
    tokens = tokens.slice(2);
  }
  if (tokens.length === 0) return;
  if (isName(tokens[0]) && tokens[1]?.toLowerCase() === 'equ') {
    const reader = new TokenReader(tokens.slice(2), resolve);
    a.equ(tokens[0], reader.expression());
    if (!reader.isDone) throw new AsmError(`${reader.peek} is left over`);
    return;
  }
  const reader = new TokenReader(tokens, resolve);
  const statement = parseStatement(a, reader, line, text.trim());
  if (!reader.isDone) throw new AsmError(`${reader.peek} is left over`);
  if (statement) a.add(statement);
}

/**
 * Adds a program's text to an assembler.
 * @throws AsmError naming the line
 */
export function parseText(a: Assembler, source: string): void {
  source.split('\n').forEach((raw, i) => {
    const text = withoutComment(raw);
    try {
      parseLine(a, i + 1, text);
    } catch (error) {
      if (!(error instanceof AsmError)) throw error;
      throw new AsmError(`line ${i + 1}: ${error.message}: ${text.trim()}`, { cause: error });
    }
  });
}
