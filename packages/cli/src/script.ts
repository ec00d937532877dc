// What to wait for on a guest's serial output and what to type then: the steps of `--expect`, `--send`, `--press` and `--script`.
import { PcDisplay } from '@proxeny/machine/pc';
import { usageError } from './command-error.js';
import { parseDuration } from './quantity.js';

/** `expect` waits until the output matches; `send` types bytes; `press` presses keys, some of them together; `wait` lets time pass. */
export type ScriptStep =
  | { readonly kind: 'expect'; readonly pattern: RegExp; readonly source: string }
  | { readonly kind: 'send'; readonly bytes: Uint8Array }
  | { readonly kind: 'press'; readonly chords: readonly (readonly string[])[] }
  | { readonly kind: 'wait'; readonly durationMs: number };

const verbs = 'expect, send, press or wait';

/** @throws CommandError when `source` is no regular expression */
export function expectStep(source: string, where: string): ScriptStep {
  if (source === '') throw usageError(`${where}: an empty regular expression matches at once`);
  try {
    return { kind: 'expect', pattern: new RegExp(source, 'm'), source };
  } catch (error) {
    // The engine's message repeats the expression; what follows it says what is wrong.
    const reason = (error as Error).message.replace(/^.*: (?=[^:]*$)/s, '');
    throw usageError(`${where} '${source}' is no regular expression: ${reason}`);
  }
}

/**
 * Text to type, with `\n`, `\r`, `\t`, `\e`, `\\` and `\xHH`.
 * @throws CommandError for another escape
 */
export function sendStep(text: string, where: string): ScriptStep {
  const escapes: Readonly<Record<string, string>> = {
    n: '\n',
    r: '\r',
    t: '\t',
    e: '\x1b',
    '\\': '\\',
  };
  const parts: Uint8Array[] = [];
  const encoder = new TextEncoder();
  for (const [piece] of text.matchAll(/\\x[\da-f]{2}|\\[\s\S]?|[^\\]+/gi)) {
    if (!piece.startsWith('\\')) parts.push(encoder.encode(piece));
    else if (/^\\x[\da-f]{2}$/i.test(piece))
      parts.push(Uint8Array.of(Number(`0${piece.slice(1)}`)));
    else {
      const character = escapes[piece.slice(1)];
      if (character === undefined)
        throw usageError(
          `${where} '${text}': unknown escape '${piece}'; use \\n \\r \\t \\e \\\\ \\xHH`,
        );
      parts.push(encoder.encode(character));
    }
  }
  return { kind: 'send', bytes: Buffer.concat(parts) };
}

/**
 * Keys by their names, one after the other; those with `+` between together: `leftctrl+c enter`.
 * @throws CommandError for a name that no key has
 */
export function pressStep(text: string, where: string): ScriptStep {
  // The keypad has a key of that name.
  const chords = text
    .split(/\s+/)
    .filter(Boolean)
    .map((keys) => keys.split(/(?<!kp)\+/));
  if (chords.length === 0) throw usageError(`${where}: no keys; name some, such as a or enter`);
  for (const name of chords.flat())
    if (!PcDisplay.hasKey(name))
      throw usageError(
        `${where} '${text}': no key is called '${name}'; they are called a, 1, space, enter, leftctrl, f1, kp1 …`,
      );
  return { kind: 'press', chords };
}

/**
 * A script: lines of `expect REGEX`, `send TEXT`, `press KEYS` and `wait DURATION`; empty lines and `#` lines are skipped.
 * @param name the file's name, for messages
 * @throws CommandError naming file and line
 */
export function parseScript(text: string, name: string): ScriptStep[] {
  const steps: ScriptStep[] = [];
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    if (/^\s*(#.*)?$/.test(raw)) continue;
    const where = `${name}:${index + 1}`;
    const [, verb = '', rest = ''] = /^\s*(\S+)(?:[ \t](.*))?$/.exec(raw) ?? [];
    if (verb === 'expect') steps.push(expectStep(rest, where));
    else if (verb === 'send') steps.push(sendStep(rest, where));
    else if (verb === 'press') steps.push(pressStep(rest, where));
    else if (verb === 'wait') steps.push({ kind: 'wait', durationMs: parseDuration(rest, where) });
    else throw usageError(`${where}: '${verb}' is no step; use ${verbs}`);
  }
  if (steps.length === 0) throw usageError(`${name} has no steps; use ${verbs}`);
  return steps;
}
