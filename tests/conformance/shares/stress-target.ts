// What operations are done to: a folder, directly or through a share. Outcomes are words, so that two can be compared.
import { createHash } from 'node:crypto';
import type { FileOperation } from './operation.js';

/** How an operation went: what was seen, `ok`, or the error's number. */
export type Outcome = string;

export interface StressTarget {
  /** @param seed of what is written */
  do(operation: FileOperation, seed: number): Outcome;
  close(): void;
}

export const digestOf = (bytes: Uint8Array): string =>
  `${bytes.length} bytes ${createHash('sha1').update(bytes).digest('hex').slice(0, 12)}`;

/** Of names, with their kinds as DT_ numbers. */
export const listOf = (entries: readonly { name: string; type: number }[]): string =>
  entries
    .map(({ name, type }) => `${name}:${type}`)
    .filter((entry) => !/^\.\.?:/.test(entry))
    .sort()
    .join(' ');

export const statsOf = (mode: number, links: number, size: number): string =>
  // A directory's size and links are its file system's affair.
  (mode & 0o170000) === 0o040000
    ? mode.toString(8)
    : `${mode.toString(8)} ${links} links ${size} bytes`;
