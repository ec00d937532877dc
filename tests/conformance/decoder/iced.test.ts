// Our decoder and disassembler against iced-x86's: every opcode of the four maps under prefix combinations in 16-, 32- and
// 64-bit code, and random bytes. Length, validity and text must agree; what differs on purpose is in intended-differences.ts.
import { type CodeBits, decode, formatInstruction, Instruction } from '@proxeny/vcpu-x86/asm';
import {
  Code,
  Decoder,
  DecoderOptions,
  Formatter,
  FormatterSyntax,
  MemorySizeOptions,
  Mnemonic,
} from 'iced-x86';
import { describe, expect, it } from 'vitest';
import { commonText, notImplemented, otherReadings } from './intended-differences.js';

const formatter = new Formatter(FormatterSyntax.Nasm);
formatter.hexPrefix = '0x';
formatter.hexSuffix = '';
formatter.uppercaseHex = false;
formatter.spaceAfterOperandSeparator = true;
formatter.memorySizeOptions = MemorySizeOptions.Always;
formatter.usePseudoOps = false;
formatter.showBranchSize = false;
formatter.branchLeadingZeros = false;

/** Numerical Recipes' generator: the cases are the same in every run. */
class Random {
  private state = 1;
  byte(): number {
    this.state = (Math.imul(this.state, 1664525) + 1013904223) >>> 0;
    return this.state >>> 24;
  }
}

/** Compares one sequence of 15 or more bytes; null when both agree, else a line for the report. */
function difference(bytes: Uint8Array, bits: CodeBits, instruction: Instruction): string | null {
  const address = bits === 16 ? 0x1000n : 0x401000n;
  const decoder = new Decoder(bits, bytes, DecoderOptions.None);
  decoder.ip = address;
  const theirs = decoder.decode();
  try {
    const length = decode(bytes, 0, 15, bits, null, instruction);
    const theirLength = theirs.code === Code.INVALID ? 0 : theirs.length;
    const hex = Buffer.from(bytes.subarray(0, 15)).toString('hex');
    if (length <= 0) {
      const name = Mnemonic[theirs.mnemonic];
      if (theirLength === 0 || notImplemented.some((pattern) => pattern.test(name))) return null;
      return `${bits} ${hex}: undefined, iced: ${formatter.format(theirs)}`;
    }
    const text = formatInstruction(instruction, bits, address);
    if (theirLength === 0) return `${bits} ${hex}: ${text}, iced: undefined`;
    const theirText = formatter.format(theirs);
    if (length !== theirLength)
      return `${bits} ${hex}: ${text} has ${length} bytes, iced: ${theirLength}, ${theirText}`;
    if (otherReadings[instruction.row.mnemonic]?.test(theirText)) return null;
    if (commonText(text, instruction) === commonText(theirText, instruction)) return null;
    return `${bits} ${hex}: ${text}, iced: ${theirText} (${instruction.row.source[1]})`;
  } finally {
    theirs.free();
    decoder.free();
  }
}

/** One line for each pair of mnemonics that differ, so that a report shows kinds and not cases. */
class Report {
  private readonly lines = new Map<string, string>();
  note(line: string | null): void {
    if (line === null) return;
    const [ours, theirs] = line.split(', iced: ');
    this.lines.set(`${ours.split(' ').slice(2, 3)} ${theirs.split(' ')[0]}`, line);
  }
  get all(): string[] {
    return [...this.lines.values()];
  }
}

const prefixSets: readonly (readonly number[])[] = [
  [], [0x66], [0xf3], [0xf2], [0x67], [0x48], [0x41], [0x4f], [0xf0], [0x64], [0x2e], [0x66, 0xf3], [0x66, 0x48],
  [0xf2, 0x48], [0xf3, 0x45], [0x66, 0x67], [0x48, 0x66], [0x66, 0xf0, 0x4c],
]; // biome-ignore format: a list
const escapes: readonly (readonly number[])[] = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]];

const modes: readonly CodeBits[] = [16, 32, 64];

describe('the decoder and iced-x86', () => {
  for (const bits of modes) {
    it(`agree on every opcode under 18 prefix combinations in ${bits}-bit code`, () => {
      const random = new Random();
      const instruction = new Instruction();
      const bytes = new Uint8Array(20);
      const found = new Report();
      let count = 0;
      for (const map of escapes) {
        for (let opcode = 0; opcode < 256; opcode++) {
          for (const prefixes of prefixSets) {
            // All of mod = 3 beside one random memory form for each value of reg.
            for (let modrm = 0; modrm < 72; modrm++) {
              for (let i = 0; i < bytes.length; i++) bytes[i] = random.byte();
              let at = 0;
              for (const prefix of prefixes) bytes[at++] = prefix;
              for (const byte of map) bytes[at++] = byte;
              bytes[at++] = opcode;
              bytes[at] =
                modrm < 64
                  ? 0xc0 + modrm
                  : (bytes[at] % 3) * 64 + (modrm - 64) * 8 + (bytes[at] & 7);
              found.note(difference(bytes, bits, instruction));
              count++;
              if (map.length === 0 && opcode < 0xd8 && modrm < 64) modrm += 6;
            }
          }
        }
      }
      expect(count).toBeGreaterThan(800_000);
      expect(found.all).toEqual([]);
    });

    it(`agree on 100,000 random byte sequences in ${bits}-bit code`, () => {
      const random = new Random();
      const instruction = new Instruction();
      const bytes = new Uint8Array(20);
      const found = new Report();
      for (let n = 0; n < 100_000; n++) {
        for (let i = 0; i < bytes.length; i++) bytes[i] = random.byte();
        found.note(difference(bytes, bits, instruction));
      }
      expect(found.all).toEqual([]);
    });
  }
});
