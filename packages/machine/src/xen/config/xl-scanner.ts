// XlScanner: the tokens of an xl configuration file. xl.cfg(5), "SYNTAX": names in small letters, strings in either quotes, numbers,
// lists in brackets; a pair ends at the end of its line or at a semicolon; # starts a comment.
import { ConfigError } from '../../config.js';
import { type ConfigPosition, positionText } from './config-document.js';

export type XlTokenKind =
  | 'name'
  | 'string'
  | 'number'
  | '='
  | '+='
  | '['
  | ']'
  | ','
  | 'end of line'
  | 'end of file';

export interface XlToken extends ConfigPosition {
  readonly kind: XlTokenKind;
  /** A string without its quotes, and names and numbers as written. */
  readonly text: string;
}

const PATTERNS: readonly (readonly [XlTokenKind | 'skip', RegExp])[] = [
  ['skip', /[ \t\r]+|#[^\n]*|\\\n/y],
  ['end of line', /\n|;/y],
  ['name', /[a-z][._0-9a-z]*/y],
  ['number', /0x[0-9a-f]+|[0-9]+/iy],
  ['string', /'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/y],
  ['+=', /\+=/y],
  ['=', /=/y],
  ['[', /\[/y],
  [']', /\]/y],
  [',', /,/y],
];

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };

/** @throws ConfigError naming what cannot be read */
export function scanXl(text: string, file: string): XlToken[] {
  const tokens: XlToken[] = [];
  let at = 0;
  let line = 1;
  let lineStart = 0;
  const position = (): ConfigPosition => ({ line, column: at - lineStart + 1 });
  while (at < text.length) {
    const [kind, found] = matchAt(text, at);
    if (found === '') throw unreadable(text, at, file, position());
    if (kind !== 'skip') tokens.push({ kind, text: contents(kind, found), ...position() });
    at += found.length;
    if (found.endsWith('\n')) {
      line++;
      lineStart = at;
    }
  }
  tokens.push({ kind: 'end of file', text: '', ...position() });
  return tokens;
}

function matchAt(text: string, at: number): [XlTokenKind | 'skip', string] {
  for (const [kind, pattern] of PATTERNS) {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    if (found !== undefined) return [kind, found];
  }
  return ['skip', ''];
}

function contents(kind: XlTokenKind, found: string): string {
  if (kind !== 'string') return found;
  return found.slice(1, -1).replace(/\\(.)/g, (_, letter: string) => ESCAPES[letter] ?? letter);
}

function unreadable(text: string, at: number, file: string, position: ConfigPosition): ConfigError {
  const character = text[at];
  const rest = text.slice(at).split('\n', 1)[0];
  let what = `'${rest}' cannot be read; expected is a line such as name = "guest"`;
  if (character === '"' || character === "'")
    what = `the string ${rest} has no closing quote on its line`;
  else if (/[A-Z]/.test(character)) what = `'${rest}': names are written in small letters`;
  else if (/[-+().:]/.test(character))
    what = `'${rest}' looks like Python; only strings, numbers and lists can be values`;
  return new ConfigError('', `${positionText(file, position)}${what}`);
}
