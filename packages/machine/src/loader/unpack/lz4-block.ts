// A block of LZ4 data, unpacked by a function that we write in WebAssembly: block format description 1.5. All of it lies in one memory:
// tables, the packed block, then what comes out. Copies are of 16 bytes and may write up to 15 too many, which the next copy replaces or
// nobody counts; so behind `stop` there are SLACK bytes that matter to nobody. Lengths and distances are checked before they are used.
import { FunctionWriter, I32, ModuleWriter, OP, PURE, SIMD } from '@proxeny/vcpu-x86/wasm';

/** What a block's function returns instead of a place when the data are wrong. */
export const LZ4_ENDS_EARLY = -1;
export const LZ4_TOO_LONG = -2;
export const LZ4_BEFORE_START = -3;

/** Bytes at the start of the memory that belong to the function. */
export const LZ4_TABLES = 0x200;
/** Bytes that must follow `stop`. */
export const LZ4_SLACK = 64;

/**
 * Unpacks the sequences between two addresses; what a length may add to an address stays below 2³².
 * @param at the next sequence
 * @param pause a sequence that starts here or later is left for another call; at most `end`
 * @param end of the packed block
 * @param to where the next byte goes
 * @param start of what matches may copy from
 * @param stop the first address that the block may not fill
 * @returns where the next sequence is (`end`: the block is done) or an LZ4_* status, and where the next byte goes
 */
export type Lz4Block = (
  at: number,
  pause: number,
  end: number,
  to: number,
  start: number,
  stop: number,
) => [at: number, to: number];

const CHUNK = 16;
/** In the tables, behind 16 shuffles: for a distance below 16, the smallest multiple of it that is not. */
const MULTIPLES = CHUNK * CHUNK;

/** How a distance below 16 repeats: which of the bytes behind it fill a chunk. */
function writeTables(bytes: Uint8Array): void {
  for (let distance = 1; distance < CHUNK; distance++) {
    for (let i = 0; i < CHUNK; i++) bytes[distance * CHUNK + i] = i % distance;
    bytes[MULTIPLES + distance] = Math.ceil(CHUNK / distance) * distance;
  }
}

const PARAMETERS = ['at', 'pause', 'end', 'to', 'start', 'stop'];
const LOCALS = ['token', 'length', 'byte', 'distance', 'from', 'past'];

/** Writes words in postfix order: a local's name, `=` and `:` with one (set, tee), a number, or an operation. */
class BlockWriter extends FunctionWriter {
  readonly #locals: Map<string, number>;

  constructor() {
    super(PARAMETERS.length);
    this.#locals = new Map(PARAMETERS.map((name, i) => [name, i]));
    for (const name of LOCALS) this.#locals.set(name, this.newLocal(I32));
  }

  code(text: string): void {
    for (const word of text.split(' ')) this.#word(word);
  }

  #word(word: string): void {
    const local = this.#locals.get(word.replace(/^[=:]/, ''));
    if (local !== undefined) {
      if (word.startsWith('=')) this.setLocal(local);
      else if (word.startsWith(':')) this.tee(local);
      else this.get(local);
    } else if (/^-?\d+$/.test(word)) this.i32Const(Number(word));
    else if (word === 'byte@') this.memory(OP.i32Load8U, 0);
    else if (word === 'half@') this.memory(OP.i32Load16U, 0);
    else if (word === 'multiple@') this.memory(OP.i32Load8U, MULTIPLES);
    else if (word === 'chunk@') this.vectorMemory(false, 0);
    else if (word === 'chunk!') this.vectorMemory(true, 0);
    else if (word === 'swizzle') this.vector(SIMD.get('i8x16.swizzle') as number);
    else this.op(PURE.get(`i32.${word}`) as number);
  }

  /** Returns `status` if the words before left a number other than 0. */
  failIf(status: number): void {
    this.if();
    this.code(`${status} to`);
    this.return();
    this.end();
  }

  /** Adds bytes to `length` until one is not 255. */
  extendLength(): void {
    const more = this.loop();
    this.code('at end ge_u');
    this.failIf(LZ4_ENDS_EARLY);
    this.code('at byte@ :byte length add =length at 1 add =at byte 255 eq');
    this.brIf(more);
    this.end();
  }

  /** Copies the chunks from `from` on to `to` on, until `past` is reached; the first chunk is there already. */
  otherChunks(): void {
    this.code('length 16 gt_u');
    this.if();
    const next = this.loop();
    this.code('to 16 add :to from 16 add :from chunk@ chunk!');
    this.code('to 16 add past lt_u');
    this.brIf(next);
    this.end();
    this.end();
    this.code('past =to');
  }

  literals(): void {
    this.code('token 4 shr_u :length 15 eq');
    this.if();
    this.extendLength();
    this.end();
    this.code('at length add end gt_u');
    this.failIf(LZ4_ENDS_EARLY);
    this.code('to length add :past stop gt_u');
    this.failIf(LZ4_TOO_LONG);
    this.code('to at :from chunk@ chunk! at length add =at');
    this.otherChunks();
  }

  match(): void {
    this.code('at 2 add end gt_u');
    this.failIf(LZ4_ENDS_EARLY);
    this.code('at half@ =distance at 2 add =at token 15 and 4 add :length 19 eq');
    this.if();
    this.extendLength();
    this.end();
    this.code('distance 1 sub to start sub ge_u');
    this.failIf(LZ4_BEFORE_START);
    this.code('to length add :past stop gt_u');
    this.failIf(LZ4_TOO_LONG);
    this.code('to distance sub =from distance 16 lt_u');
    this.if();
    this.code('to from chunk@ distance 4 shl chunk@ swizzle chunk!');
    this.code('to distance multiple@ sub =from');
    this.else();
    this.code('to from chunk@ chunk!');
    this.end();
    this.otherChunks();
  }

  sequences(): this {
    const done = this.block();
    const sequence = this.loop();
    this.code('at byte@ =token at 1 add =at');
    this.literals();
    // The last sequence has literals only.
    this.code('at end ge_u');
    this.brIf(done);
    this.match();
    this.code('at pause lt_u');
    this.brIf(sequence);
    this.end();
    this.end();
    this.code('at to');
    return this;
  }
}

let module: WebAssembly.Module | null = null;

/** The function for a memory, whose first {@link LZ4_TABLES} bytes it takes. */
export function lz4Block(memory: WebAssembly.Memory): Lz4Block {
  if (module === null) {
    const writer = new ModuleWriter();
    const words = (count: number) => new Array<typeof I32>(count).fill(I32);
    writer.add('block', words(PARAMETERS.length), words(2), new BlockWriter().sequences());
    module = new WebAssembly.Module(writer.build());
  }
  writeTables(new Uint8Array(memory.buffer, 0, LZ4_TABLES));
  return new WebAssembly.Instance(module, { env: { memory } }).exports.block as Lz4Block;
}
