// The instruction set: every table joined, numbered and parsed, and the mnemonics as a type, so that a map from mnemonic to
// meaning that lacks one (or has one too many) does not compile.
import { mmx } from './mmx.js';
import { oneByte } from './one-byte.js';
import type { Row, RowTuple } from './row.js';
import { parseRow } from './row-parser.js';
import { sseFloat } from './sse-float.js';
import { sseInteger } from './sse-integer.js';
import { sseMove } from './sse-move.js';
import { threeByte } from './three-byte.js';
import { twoByte } from './two-byte.js';
import { x87Map } from './x87-map.js';

type Template =
  | (typeof oneByte)[number][1]
  | (typeof twoByte)[number][1]
  | (typeof threeByte)[number][1]
  | (typeof x87Map)[number][1]
  | (typeof mmx)[number][1]
  | (typeof sseMove)[number][1]
  | (typeof sseFloat)[number][1]
  | (typeof sseInteger)[number][1];

type FirstWord<T extends string> = T extends `${infer Word} ${string}` ? Word : T;

/** Every mnemonic of the tables: the first word of each template. */
export type Mnemonic = FirstWord<Template>;

const tuples: readonly RowTuple[] = [
  oneByte,
  twoByte,
  threeByte,
  x87Map,
  mmx,
  sseMove,
  sseFloat,
  sseInteger,
].flat();

/** All rows; `rows[i].id === i`. */
export const rows: readonly Row[] = tuples.map((tuple, id) => parseRow(tuple, id));
