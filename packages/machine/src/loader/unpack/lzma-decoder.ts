// @hot
// LZMA decoder core: range coder, probability models and the match loop, shared by LZMA2 (XZ) and LZMA-alone.
// Written from the LZMA specification (public domain): probabilities are 11 bits, shift 5, distances 1-based as rep + 1.
// The dictionary is the output itself: everything since the last dictionary reset.
import { damaged, type GrowingOutput } from './growing-output.js';

const PROB_INIT = 1024;

// Models, by offset into one probability array (12 states, up to 16 position states).
const IS_MATCH = 0; //                       [state][posState]
const IS_REP = IS_MATCH + 12 * 16; //        [state]
const IS_REP0 = IS_REP + 12;
const IS_REP1 = IS_REP0 + 12;
const IS_REP2 = IS_REP1 + 12;
const IS_REP0_LONG = IS_REP2 + 12; //        [state][posState]
const POS_SLOT = IS_REP0_LONG + 12 * 16; //  [min(length, 5) − 2][64]
const POS_SPECIAL = POS_SLOT + 4 * 64; //    reverse trees of slots 4–13
const ALIGN = POS_SPECIAL + 128; //          [16]
const LENGTH_MATCH = ALIGN + 16;
const LENGTH_SIZE = 2 + 16 * 8 + 16 * 8 + 256; // choice, choice2, low[16][8], mid[16][8], high[256]
const LENGTH_REP = LENGTH_MATCH + LENGTH_SIZE;
const LITERAL = LENGTH_REP + LENGTH_SIZE; // [context][0x300]

export class LzmaDecoder {
  readonly #format: string;
  readonly #input: Uint8Array;
  readonly #output: GrowingOutput;
  #probs: Uint16Array = new Uint16Array(LITERAL);
  // Range coder. #end bounds the input of the current chunk.
  #at = 0;
  #end = 0;
  #range = 0;
  #code = 0;
  // Properties.
  #lc = 0;
  #literalMask = 0;
  #posMask = 0;
  // State that lives across LZMA2 chunks.
  #state = 0;
  #rep0 = 0;
  #rep1 = 0;
  #rep2 = 0;
  #rep3 = 0;
  #dictionaryStart = 0;
  readonly #dictionarySize: number;

  constructor(format: string, input: Uint8Array, output: GrowingOutput, dictionarySize: number) {
    this.#format = format;
    this.#input = input;
    this.#output = output;
    this.#dictionarySize = dictionarySize;
  }

  /** Sets lc, lp and pb from the properties byte and resets the state. */
  setProperties(properties: number): void {
    if (properties >= 9 * 5 * 5) throw damaged(this.#format, 'impossible LZMA properties');
    this.#lc = properties % 9;
    const lp = ((properties / 9) | 0) % 5;
    this.#posMask = (1 << ((properties / 45) | 0)) - 1;
    this.#literalMask = (1 << lp) - 1;
    this.#probs = new Uint16Array(LITERAL + (0x300 << (this.#lc + lp)));
    this.resetState();
  }

  resetState(): void {
    this.#probs.fill(PROB_INIT);
    this.#state = 0;
    this.#rep0 = this.#rep1 = this.#rep2 = this.#rep3 = 0;
  }

  /** Forgets all output so far as match source. */
  resetDictionary(): void {
    this.#dictionaryStart = this.#output.length;
  }

  /** Starts the range coder on the bytes `at … end` of the input. */
  start(at: number, end: number): void {
    if (at + 5 > end || end > this.#input.length || this.#input[at] !== 0) {
      throw damaged(this.#format, 'bad start of LZMA data');
    }
    const i = this.#input;
    this.#code = (i[at + 1] << 24) | (i[at + 2] << 16) | (i[at + 3] << 8) | i[at + 4];
    this.#range = -1;
    this.#at = at + 5;
    this.#end = end;
  }

  /** Where the next byte of input would come from. */
  get position(): number {
    return this.#at;
  }

  /** Whether the range coder ended as an encoder leaves it. */
  get atCleanEnd(): boolean {
    return this.#code === 0;
  }

  /** The shift that keeps `range` at 24 bits or more. */
  #normalize(): void {
    if (this.#range >>> 0 < 0x1000000) {
      this.#range <<= 8;
      this.#code = (this.#code << 8) | this.#input[this.#at++];
    }
  }

  #bit(index: number): number {
    const probs = this.#probs;
    const prob = probs[index];
    if (this.#range >>> 0 < 0x1000000) {
      this.#range <<= 8;
      this.#code = (this.#code << 8) | this.#input[this.#at++];
    }
    const bound = Math.imul(this.#range >>> 11, prob);
    if (this.#code >>> 0 < bound >>> 0) {
      this.#range = bound;
      probs[index] = prob + ((2048 - prob) >> 5);
      return 0;
    }
    this.#range = (this.#range - bound) | 0;
    this.#code = (this.#code - bound) | 0;
    probs[index] = prob - (prob >> 5);
    return 1;
  }

  #tree(base: number, bits: number): number {
    let node = 1;
    for (let i = 0; i < bits; i++) node = (node << 1) | this.#bit(base + node);
    return node - (1 << bits);
  }

  #reverseTree(base: number, bits: number): number {
    let node = 1;
    let value = 0;
    for (let i = 0; i < bits; i++) {
      const bit = this.#bit(base + node);
      node = (node << 1) | bit;
      value |= bit << i;
    }
    return value;
  }

  #directBits(bits: number): number {
    let value = 0;
    for (let i = 0; i < bits; i++) {
      this.#normalize();
      this.#range >>>= 1;
      const below = this.#code >>> 0 < this.#range >>> 0;
      if (!below) this.#code = (this.#code - this.#range) | 0;
      value = (value << 1) | (below ? 0 : 1);
    }
    return value;
  }

  #lengthOf(base: number, posState: number): number {
    if (this.#bit(base) === 0) return 2 + this.#tree(base + 2 + posState * 8, 3);
    if (this.#bit(base + 1) === 0) return 10 + this.#tree(base + 130 + posState * 8, 3);
    return 18 + this.#tree(base + 258, 8);
  }

  #literal(bytes: Uint8Array, at: number): number {
    const position = at - this.#dictionaryStart;
    const previous = position > 0 ? bytes[at - 1] : 0;
    const context = ((position & this.#literalMask) << this.#lc) + (previous >> (8 - this.#lc));
    const base = LITERAL + context * 0x300;
    let symbol = 1;
    if (this.#state >= 7) {
      // After a match the byte the match would have continued with is part of the context.
      let match = bytes[at - this.#rep0 - 1];
      let offset = 0x100;
      while (symbol < 0x100) {
        match <<= 1;
        const matchBit = match & offset;
        const bit = this.#bit(base + offset + matchBit + symbol);
        symbol = (symbol << 1) | bit;
        offset &= bit ? matchBit : ~matchBit;
      }
    } else {
      while (symbol < 0x100) symbol = (symbol << 1) | this.#bit(base + symbol);
    }
    this.#state = this.#state < 4 ? 0 : this.#state < 10 ? this.#state - 3 : this.#state - 6;
    return symbol & 0xff;
  }

  #distance(length: number): number {
    const slot = this.#tree(POS_SLOT + (length < 6 ? length - 2 : 3) * 64, 6);
    if (slot < 4) return slot;
    const bits = (slot >> 1) - 1;
    const base = (2 | (slot & 1)) << bits;
    // The reverse trees of the special slots are packed one behind the other, indexed from 1.
    if (slot < 14) return base + this.#reverseTree(POS_SPECIAL + base - slot, bits);
    const direct = this.#directBits(bits - 4) << 4;
    return (base + direct + this.#reverseTree(ALIGN, 4)) >>> 0;
  }

  /**
   * Decodes `count` bytes (or to the end marker, if `markerAllowed`). Room for them must be reserved unless `count` is
   * Infinity. Returns whether the end marker was met.
   */
  decode(count: number, markerAllowed: boolean): boolean {
    const output = this.#output;
    const target = output.length + count;
    let bytes = output.bytes;
    while (output.length < target) {
      if (this.#at > this.#end) throw damaged(this.#format, 'it ends too early');
      let at = output.length;
      const posState = (at - this.#dictionaryStart) & this.#posMask;
      let state = this.#state;
      if (this.#bit(IS_MATCH + state * 16 + posState) === 0) {
        if (at === bytes.length) {
          output.reserve(1);
          bytes = output.bytes;
        }
        if (at === this.#dictionaryStart && state >= 7) {
          throw damaged(this.#format, 'a match before the first byte');
        }
        bytes[at] = this.#literal(bytes, at);
        output.length = at + 1;
        continue;
      }
      let length = 0;
      if (this.#bit(IS_REP + state) === 0) {
        this.#rep3 = this.#rep2;
        this.#rep2 = this.#rep1;
        this.#rep1 = this.#rep0;
        length = this.#lengthOf(LENGTH_MATCH, posState);
        state = state < 7 ? 7 : 10;
        this.#rep0 = this.#distance(length);
        if (this.#rep0 === 0xffffffff) {
          if (!markerAllowed) throw damaged(this.#format, 'an unexpected end marker');
          this.#normalize();
          return true;
        }
      } else if (this.#bit(IS_REP0 + state) === 0) {
        if (this.#bit(IS_REP0_LONG + state * 16 + posState) === 0) {
          length = 1;
          state = state < 7 ? 9 : 11;
        }
      } else {
        let distance = this.#rep1;
        if (this.#bit(IS_REP1 + state) !== 0) {
          distance = this.#rep2;
          if (this.#bit(IS_REP2 + state) !== 0) {
            distance = this.#rep3;
            this.#rep3 = this.#rep2;
          }
          this.#rep2 = this.#rep1;
        }
        this.#rep1 = this.#rep0;
        this.#rep0 = distance;
      }
      if (length === 0) {
        length = this.#lengthOf(LENGTH_REP, posState);
        state = state < 7 ? 8 : 11;
      }
      this.#state = state;
      const distance = this.#rep0 + 1;
      if (distance > at - this.#dictionaryStart || distance > this.#dictionarySize) {
        throw damaged(this.#format, 'a match before the dictionary');
      }
      if (at + length > target) throw damaged(this.#format, 'a match past the end');
      if (at + length > bytes.length) {
        output.reserve(length);
        bytes = output.bytes;
      }
      const end = at + length;
      output.length = end;
      for (; at < end; at++) bytes[at] = bytes[at - distance];
    }
    // The encoder's flush leaves the last normalization to the decoder.
    this.#normalize();
    if (this.#at > this.#end) throw damaged(this.#format, 'it ends too early');
    return false;
  }
}
