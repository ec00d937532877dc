// Tuple → Row. The grammar stands at RowTuple; a tuple that breaks it, or contradicts itself, stops the load with a message
// that quotes it: tables are code, so that is our fault and never a guest's.
import type { Addressing, FixedOperand, Operand, Width } from './operand.js';
import type { MandatoryPrefix, Row, RowTuple } from './row.js';

/** CPUID features that rows name. A row without one belongs to the base set. */
export const cpuFeatures = [
  'fpu', 'cx8', 'sep', 'cmov', 'mmx', 'fxsr', 'clfsh', 'sse', 'sse2', 'sse3', 'ssse3', 'sse41', 'sse42', 'monitor',
  'cx16', 'popcnt', 'movbe', 'xsave', 'xsaveopt', 'rdrand', 'rdseed', 'fsgsbase', 'bmi1', 'lzcnt', 'smap', 'invpcid',
  'syscall', 'rdtscp', 'nopl',
] as const; // biome-ignore format: a list
export type CpuFeature = (typeof cpuFeatures)[number];

const words = new Set([
  'lock',
  'ends',
  'cpl0',
  'pm',
  'no64',
  'only64',
  'd64',
  'f64',
  'rep',
  'repz',
  'hint',
  'size=v',
  'size=y',
  'size=z',
  'asize',
  'unaligned',
  'rexw',
  'alias',
]);
const features = new Set<string>(cpuFeatures);
const fixedNames = new Set<string>([
  'AL',
  'AH',
  'CL',
  'DX',
  'AX',
  'rAX',
  'eAX',
  'rDX',
  '1',
  '3',
  'ST0',
  'XMM0',
  'ES',
  'CS',
  'SS',
  'DS',
  'FS',
  'GS',
]);
const widths = new Set<string>([
  'b',
  'bs',
  'w',
  'd',
  'q',
  'v',
  'z',
  'y',
  'p',
  's',
  'x',
  't',
  'a',
  'm',
  'n',
]);
const addressings = 'ABCDEGIJMNOPQRSTUVWXYZ';
/** Operands that sit in ModRM. */
const inModrm = 'CDEGMNPQRSUVWT';

/** RFLAGS bits by the letters of a row. */
const flagBits: Readonly<Record<string, number>> = {
  c: 0x001,
  p: 0x004,
  a: 0x010,
  z: 0x040,
  s: 0x080,
  i: 0x200,
  d: 0x400,
  o: 0x800,
};

function fail(tuple: RowTuple, why: string): never {
  throw new Error(`instruction row ${JSON.stringify(tuple)}: ${why}`);
}

/** `parse`, whose results for one text are one and the same: rows share most of what they say of operands, flags and attributes. */
function remembered<T>(
  parse: (text: string, tuple: RowTuple) => T,
): (text: string, tuple: RowTuple) => T {
  const known = new Map<string, T>();
  return (text, tuple) => {
    let result = known.get(text);
    if (result === undefined) {
      result = parse(text, tuple);
      known.set(text, result);
    }
    return result;
  };
}

const parseOperands = remembered((text, tuple) =>
  text
    .split(',')
    .filter(Boolean)
    .map((each) => parseOperand(each, tuple)),
);

function parseOperand(text: string, tuple: RowTuple): Operand {
  if (fixedNames.has(text)) return { addressing: 'fixed', width: 'm', fixed: text as FixedOperand };
  const addressing = text[0];
  const width = text.slice(1) || 'm';
  if (!addressings.includes(addressing) || !widths.has(width))
    fail(tuple, `unknown operand ${text}`);
  return { addressing: addressing as Addressing, width: width as Width, fixed: null };
}

interface Encoding {
  prefix: MandatoryPrefix;
  map: 0 | 1 | 2 | 3;
  opcode: number;
  extension: number;
  modrm: Row['modrm'];
  fixedRm: number;
  registerInOpcode: boolean;
}

function parseEncoding(tuple: RowTuple): Encoding {
  const tokens = tuple[0].split(' ');
  const e: Encoding = {
    prefix: '',
    map: 0,
    opcode: 0,
    extension: -1,
    modrm: 'none',
    fixedRm: -1,
    registerInOpcode: false,
  };
  let at = 0;
  const prefix = tokens[0].toLowerCase();
  if (prefix === 'np' || prefix === '66' || prefix === 'f3' || prefix === 'f2') {
    e.prefix = prefix;
    at++;
  }
  if (tokens[at] === '0F') {
    e.map = 1;
    at++;
    if (tokens[at] === '38' || tokens[at] === '3A') e.map = tokens[at++] === '38' ? 2 : 3;
  }
  const opcode = /^([0-9A-F]{2})(\+r)?$/.exec(tokens[at++] ?? '');
  if (!opcode) fail(tuple, 'no opcode byte');
  e.opcode = Number.parseInt(opcode[1], 16);
  e.registerInOpcode = opcode[2] !== undefined;
  for (; at < tokens.length; at++) {
    const token = tokens[at];
    const second = /^([0-9A-F]{2})(\+i)?$/.exec(token);
    if (token === '/r') e.modrm = 'any';
    else if (/^\/[0-7]$/.test(token)) {
      e.modrm = 'any';
      e.extension = Number(token[1]);
    } else if (token === 'mem' || token === 'reg') {
      if (e.modrm !== 'any') fail(tuple, `${token} without ModRM`);
      e.modrm = token;
    } else if (second) {
      const byte = Number.parseInt(second[1], 16);
      if (byte < 0xc0) fail(tuple, 'a fixed ModRM byte has mod = 3');
      e.modrm = 'reg';
      e.extension = (byte >> 3) & 7;
      if (!second[2]) e.fixedRm = byte & 7;
    } else fail(tuple, `unknown token ${token}`);
  }
  return e;
}

type Flags = Pick<Row, 'flagsWritten' | 'flagsRead' | 'flagsUndefined'>;

const parseFlags = remembered((text, tuple): Flags => {
  let written = 0;
  let read = 0;
  let left = 0;
  for (const word of text.split(' ').filter(Boolean)) {
    const [kind, letters] = word.split('=');
    let mask = 0;
    for (const letter of letters) mask |= flagBits[letter] ?? fail(tuple, `unknown flag ${letter}`);
    if (kind === 'w' || kind === '0' || kind === '1') written |= mask;
    else if (kind === 'r') read |= mask;
    else if (kind === 'u') left |= mask;
    else fail(tuple, `unknown flags ${word}`);
  }
  if (written & left) fail(tuple, 'a flag is both defined and undefined');
  return { flagsWritten: written, flagsRead: read, flagsUndefined: left };
});

const parseAttributes = remembered((text, tuple): Pick<Row, 'attributes' | 'feature'> => {
  const attributes = new Set<string>();
  let feature = '';
  for (const word of text.split(' ').filter(Boolean)) {
    if (features.has(word)) {
      if (feature) fail(tuple, 'two features');
      feature = word;
    } else if (words.has(word)) attributes.add(word);
    else fail(tuple, `unknown attribute ${word}`);
  }
  return { attributes, feature };
});

/** Operands must agree with the encoding: what sits in ModRM needs one, mem and reg rows name no operand that could be both. */
function check(row: Row): void {
  const tuple = row.source;
  for (const { addressing } of row.operands) {
    if (inModrm.includes(addressing) && row.modrm === 'none')
      fail(tuple, `${addressing} needs ModRM`);
    if (addressing === 'M' && row.modrm !== 'mem') fail(tuple, 'M needs a mem row');
    if ('NUT'.includes(addressing) && row.modrm !== 'reg')
      fail(tuple, `${addressing} needs a reg row`);
    if (
      (addressing === 'Z') !== row.registerInOpcode &&
      (addressing === 'Z' || row.operands.length === 0)
    )
      fail(tuple, 'Z and +r go together');
  }
  if (row.registerInOpcode && row.opcode & 7) fail(tuple, '+r needs an opcode divisible by 8');
  if (row.attributes.has('lock') && !'EM'.includes(row.operands[0]?.addressing))
    fail(tuple, 'lock needs a memory destination');
  if (row.attributes.has('no64') && row.attributes.has('only64')) fail(tuple, 'no64 and only64');
}

/** @throws Error when the tuple breaks the grammar. */
export function parseRow(tuple: RowTuple, id: number): Row {
  const [mnemonic, operands = ''] = tuple[1].split(' ');
  if (!/^[A-Z][A-Z0-9_]*$/.test(mnemonic)) fail(tuple, 'no mnemonic');
  const { flagsWritten, flagsRead, flagsUndefined } = parseFlags(tuple[2], tuple);
  const { attributes, feature } = parseAttributes(tuple[3], tuple);
  const row: Row = {
    id,
    mnemonic,
    operands: parseOperands(operands, tuple),
    ...parseEncoding(tuple),
    flagsWritten,
    flagsRead,
    flagsUndefined,
    attributes,
    feature,
    source: tuple,
  };
  check(row);
  return row;
}
