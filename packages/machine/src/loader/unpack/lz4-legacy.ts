// LZ4 legacy frame (`lz4 -l`, the kernel's format): magic, then blocks of u32 packed size + LZ4 block data, each unpacking
// to 8 MiB (the last to less). LZ4 frame format description, "Legacy frame"; block format description 1.5.
import { damaged, tooLong } from './growing-output.js';
import {
  LZ4_BEFORE_START,
  LZ4_ENDS_EARLY,
  LZ4_SLACK,
  LZ4_TABLES,
  LZ4_TOO_LONG,
  type Lz4Block,
  lz4Block,
} from './lz4-block.js';

const FORMAT = 'LZ4';
const MAGIC = 0x184c2102;
const BLOCK_SIZE = 8 << 20;
/** The most a block of incompressible data grows to. */
const PACKED_LIMIT = BLOCK_SIZE + Math.floor(BLOCK_SIZE / 255) + 16;

/** Packed bytes for a call: code gets better while it runs, but not within a call. */
const STEP = 0x10000;
const WASM_PAGE = 0x10000;

const what: ReadonlyMap<number, string> = new Map([
  [LZ4_ENDS_EARLY, 'it ends too early'],
  [LZ4_TOO_LONG, 'a block is too long'],
  [LZ4_BEFORE_START, 'a match before the block'],
]);

export function isLz4Legacy(bytes: Uint8Array): boolean {
  return bytes[0] === 0x02 && bytes[1] === 0x21 && bytes[2] === 0x4c && bytes[3] === 0x18;
}

/** The longest packed block. */
function longestBlock(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let longest = 0;
  for (let at = 4; at + 4 <= bytes.length; ) {
    const packed = view.getUint32(at, true);
    at += 4;
    if (packed === MAGIC) continue;
    longest = Math.max(longest, Math.min(packed, bytes.length - at));
    at += packed;
  }
  return Math.min(longest, PACKED_LIMIT);
}

/** What blocks unpack to, in a memory of WebAssembly's: the function's tables, the packed block, then the output. */
class UnpackedBlocks {
  readonly #memory: WebAssembly.Memory;
  readonly #unpack: Lz4Block;
  /** Addresses of the output, of its end, and of the first byte that may not be written. */
  readonly #start: number;
  #to: number;
  readonly #stop: number;

  constructor(longest: number, expected: number, limit: number) {
    this.#start = LZ4_TABLES + longest;
    this.#to = this.#start;
    this.#stop = this.#start + limit;
    this.#memory = new WebAssembly.Memory({
      initial: pages(this.#start + Math.min(expected, limit)),
    });
    this.#unpack = lz4Block(this.#memory);
  }

  get length(): number {
    return this.#to - this.#start;
  }

  /** Unpacks one more block; `packed` is no longer than the longest. */
  add(packed: Uint8Array): void {
    const from = this.#to;
    const stop = Math.min(from + BLOCK_SIZE, this.#stop);
    const missing = pages(stop) - this.#memory.buffer.byteLength / WASM_PAGE;
    if (missing > 0) this.#memory.grow(missing);
    new Uint8Array(this.#memory.buffer).set(packed, LZ4_TABLES);
    const end = LZ4_TABLES + packed.length;
    for (let at = LZ4_TABLES; at < end; ) {
      const [next, to] = this.#unpack(at, Math.min(at + STEP, end), end, this.#to, from, stop);
      if (next === LZ4_TOO_LONG && stop === this.#stop) throw tooLong(FORMAT, stop - this.#start);
      if (next < 0) throw damaged(FORMAT, what.get(next) ?? '');
      at = next;
      this.#to = to;
    }
  }

  finish(): Uint8Array {
    return new Uint8Array(this.#memory.buffer, this.#start, this.length);
  }
}

/** Pages of a memory that ends behind address `stop`. */
function pages(stop: number): number {
  return Math.ceil((stop + LZ4_SLACK) / WASM_PAGE);
}

/**
 * Unpacks an LZ4 legacy frame. With `expected` (unpacked size in bytes, as a kernel appends it) reading stops there.
 * @throws ImageError `unpack-failed`
 */
export function unpackLz4Legacy(bytes: Uint8Array, limit: number, expected?: number): Uint8Array {
  if (!isLz4Legacy(bytes)) throw damaged(FORMAT, 'bad magic number');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const output = new UnpackedBlocks(longestBlock(bytes), expected ?? 0, limit);
  let at = 4;
  while (at + 4 <= bytes.length && output.length !== expected) {
    const packed = view.getUint32(at, true);
    at += 4;
    if (packed === MAGIC) continue; // concatenated frames
    if (packed > PACKED_LIMIT) throw damaged(FORMAT, 'impossible block size');
    if (at + packed > bytes.length) throw damaged(FORMAT, 'it ends too early');
    output.add(bytes.subarray(at, at + packed));
    at += packed;
  }
  const complete = output.length === expected || at === bytes.length;
  if (!complete || at === 4) throw damaged(FORMAT, 'it ends too early');
  return output.finish();
}
