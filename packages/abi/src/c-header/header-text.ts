// Writes a family's C header: constants and records in the order of its source, with the comments that stand there.
import type {
  ByWord,
  Directed,
  LayoutType,
  ScalarType,
  StructPair,
  StructType,
} from '@proxeny/memory';
import { type Family, families } from './families.js';

export type RecordType = StructType | StructPair;

/** What C has by itself. */
const builtIn = new Set(['int', 'unsigned int', 'char', 'long', 'unsigned long', 'void *']);

export function isRecord(value: unknown): value is RecordType {
  const kind = (value as { kind?: unknown } | null)?.kind;
  return kind === 'struct' || kind === 'union' || kind === 'pair';
}

export function isScalar(value: unknown): value is ScalarType {
  return (value as { kind?: unknown } | null)?.kind === 'scalar';
}

export function isByWord(value: unknown): value is ByWord {
  const pair = value as Partial<ByWord> | null;
  return typeof pair === 'object' && typeof pair?.[32] === 'number' && typeof pair[64] === 'number';
}

/** A number as a C constant of a type that holds it. */
export function cNumber(value: number): string {
  if (value < 0) return value < -0x8000_0000 ? `(${BigInt(value)}LL)` : `(${value})`;
  if (value <= 0x7fff_ffff) return value < 1024 ? `${value}` : `0x${value.toString(16)}`;
  return value <= 0xffff_ffff ? `0x${value.toString(16)}U` : `0x${BigInt(value).toString(16)}ULL`;
}

function undirected(member: LayoutType | Directed): LayoutType {
  return member.kind === 'directed' ? member.type : member;
}

function directionNote(member: LayoutType | Directed): string {
  if (member.kind !== 'directed') return '';
  return ` /* ${member.direction === 'inout' ? 'IN/OUT' : member.direction?.toUpperCase()} */`;
}

/** One member: its type, its name and what follows. */
function declaration(name: string, member: LayoutType | Directed, indent: string): string[] {
  const note = directionNote(member);
  let type = undirected(member);
  let suffix = '';
  while (type.kind === 'array') {
    const { 32: in32, 64: in64 } = type.lengths;
    if (in32 !== in64) suffix += `[XEN_BY_WORD(${in32}, ${in64})]`;
    else suffix += in64 === 0 ? '[]' : `[${in64}]`;
    type = type.element;
  }
  if (type.kind === 'scalar') return [`${indent}${type.name} ${name}${suffix};${note}`];
  if (type.name !== '') {
    const keyword = type.kind === 'union' ? 'union' : 'struct';
    return [`${indent}${keyword} ${type.name} ${name}${suffix};${note}`];
  }
  const inner = type as StructType;
  return [
    `${indent}${inner.kind} {`,
    ...body(inner, `${indent}  `),
    `${indent}} ${name}${suffix};${note}`,
  ];
}

function body(type: StructType, indent: string): string[] {
  return Object.entries(type.members).flatMap(([name, member]) =>
    declaration(name, member, indent),
  );
}

/** Named records that must be complete before `type`. */
function* neededBy(type: RecordType): Generator<RecordType> {
  const structs = type.kind === 'pair' ? [type[32], type[64]] : [type];
  for (const each of structs) {
    for (const member of Object.values(each.members)) {
      let inner = undirected(member);
      while (inner.kind === 'array') inner = inner.element;
      if (inner.kind === 'scalar') continue;
      if (inner.name !== '') yield inner;
      else yield* neededBy(inner);
    }
  }
}

function definition(type: StructType, done: Set<RecordType>): string[] {
  const packed = type.isPacked ? ' __attribute__((packed))' : '';
  const lines: string[] = [];
  for (const needed of neededBy(type)) lines.push(...recordText(needed, done));
  return [...lines, `${type.kind} ${type.name} {`, ...body(type, '  '), `}${packed};`];
}

function recordText(type: RecordType, done: Set<RecordType>): string[] {
  if (done.has(type)) return [];
  done.add(type);
  if (type.kind !== 'pair') return definition(type, done);
  const shared: string[] = [];
  for (const needed of neededBy(type)) {
    // What only one word size has is defined beside it.
    const isShared =
      [...neededBy(type[32])].includes(needed) && [...neededBy(type[64])].includes(needed);
    if (isShared) shared.push(...recordText(needed, done));
  }
  const in64 = definition(type[64], done);
  const in32 = definition(type[32], done);
  return [...shared, '#ifdef __x86_64__', ...in64, '#else', ...in32, '#endif'];
}

function constantText(name: string, value: unknown): string[] {
  if (typeof value === 'number') return [`#define ${name} ${cNumber(value)}`];
  if (typeof value === 'string') return [`#define ${name} "${value}"`];
  if (!isByWord(value)) return [];
  const [in64, in32] = [cNumber(value[64]), cNumber(value[32])];
  return [
    '#ifdef __x86_64__',
    `#define ${name} ${in64}`,
    '#else',
    `#define ${name} ${in32}`,
    '#endif',
  ];
}

/** The comment, or the comments, right above each exported constant in a source. */
function commentsOf(source: string): Map<string, string[]> {
  const comments = new Map<string, string[]>();
  let above: string[] = [];
  for (const line of source.split('\n')) {
    const name = /^export const (\w+)/.exec(line)?.[1];
    if (name) comments.set(name, above.length > 0 ? asC(above) : []);
    const isComment = /^(\/\/|\/\*\*| \*)/.test(line);
    above = isComment ? [...above, line] : [];
  }
  return comments;
}

function asC(lines: readonly string[]): string[] {
  const text = lines
    .map((line) => line.replace(/^(\/\/ ?|\/\*\* ?| \*\/| \* ?)/, '').replace(/ ?\*\/$/, ''))
    .filter((line) => line !== '' && !line.startsWith('@'));
  const plain = text.map((line) => line.replace(/\{@link (\w+)\}/g, '$1'));
  return plain.map(
    (line, at) => `${at === 0 ? '/*' : ' *'} ${line}${at === plain.length - 1 ? ' */' : ''}`,
  );
}

const banner =
  '/* Generated from packages/abi by `npm run generate`: change the data there, not this file. */';

function guarded(name: string, lines: readonly string[]): string {
  const guard = `PROXENY_XEN_${name.toUpperCase().replaceAll('-', '_')}_H`;
  return [banner, `#ifndef ${guard}`, `#define ${guard}`, '', ...lines, '', '#endif', ''].join(
    '\n',
  );
}

/** The header of the integers' names. */
export function scalarHeader(exports: Readonly<Record<string, unknown>>): string {
  // Sorted, because the order of a module's names is its loader's.
  const types = Object.values(exports).filter(isScalar);
  types.sort((a, b) => (a.name < b.name ? -1 : 1));
  const lines = ['#include <stdint.h>', ''];
  for (const { name, widths, alignments, isSigned } of types) {
    if (builtIn.has(name)) continue;
    const isWord = widths[32] !== widths[64];
    const base = isWord ? 'unsigned long' : `${isSigned ? 'int' : 'uint'}${widths[64] * 8}_t`;
    const aligned = widths[32] === 8 && alignments[32] === 8 ? ' __attribute__((aligned(8)))' : '';
    lines.push(`typedef ${base} ${name}${aligned};`);
  }
  lines.push(
    '',
    '/* A pointer to what it names; the second kind takes eight bytes in every guest. */',
    '#define XEN_GUEST_HANDLE(type) void *',
    '#define XEN_GUEST_HANDLE_64(type) uint64_aligned_t',
    '',
    '#ifdef __x86_64__',
    '#define XEN_BY_WORD(in32, in64) in64',
    '#else',
    '#define XEN_BY_WORD(in32, in64) in32',
    '#endif',
  );
  return guarded('scalar', lines);
}

/** The header of `family`; `source` is the text of its TypeScript file. */
export function familyHeader(family: Family, source: string): string {
  const own = new Set(Object.values(family.exports));
  const foreign = new Set<string>();
  const done = new Set<RecordType>();
  const visit = (type: RecordType): void => {
    for (const needed of neededBy(type)) {
      const home = families.find((each) => Object.values(each.exports).includes(needed));
      if (home && home !== family) {
        foreign.add(home.name);
        done.add(needed);
      } else if (!own.has(needed)) visit(needed);
    }
  };
  for (const value of own) if (isRecord(value)) visit(value);
  const title = asC(
    source.split('\n').slice(
      0,
      source.split('\n').findIndex((line) => !line.startsWith('//')),
    ),
  );
  const lines = [
    ...title,
    '',
    ...['scalar', ...[...foreign].sort()].map((name) => `#include "${name}.h"`),
    '',
  ];
  for (const [name, comment] of commentsOf(source)) {
    const value = family.exports[name];
    const text = isRecord(value)
      ? ['', ...comment, ...recordText(value, done)]
      : constantText(name, value);
    if (text.length === 0) continue;
    lines.push(...(isRecord(value) ? text : [...comment, ...text]));
  }
  return guarded(family.name, lines);
}
