// ConfigDocument: a configuration file as plain values that still know where in the file they stand.
import { ConfigError } from '../../config.js';

/** Keys and indices from the top down. */
export type ConfigPath = readonly (string | number)[];

export interface ConfigPosition {
  /** Both from 1. */
  readonly line: number;
  readonly column: number;
}

export interface ConfigDocument {
  /** The file's name, for messages. */
  readonly file: string;
  readonly value: unknown;
  /** Where the value at `path` stands, or what it would be part of. */
  positionOf(path: ConfigPath): ConfigPosition;
}

/** `domains[0].disk[1].vdev`. */
export function pathText(path: ConfigPath): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    return text === '' ? key : `${text}.${key}`;
  }, '');
}

/** `vm.cfg:3:8: `. */
export function positionText(file: string, { line, column }: ConfigPosition): string {
  return `${file}:${line}:${column}: `;
}

/** The error of the value at `path`; its message starts with file, line and column. */
export function errorAt(document: ConfigDocument, path: ConfigPath, what: string): ConfigError {
  const name = pathText(path);
  const where = positionText(document.file, document.positionOf(path));
  return new ConfigError(name, `${where}${name === '' ? '' : `${name}: `}${what}`);
}

/** The value at `path`, or undefined. */
export function valueAt(value: unknown, path: ConfigPath): unknown {
  let found = value;
  for (const key of path) {
    if (typeof found !== 'object' || found === null) return undefined;
    found = (found as Record<string | number, unknown>)[key];
  }
  return found;
}
