// The cold tier in whole blocks, and the hot tier's regions of them, against the reference evaluator instruction by instruction:
// registers, flags, memory and page tables are equal after random sequences. The long run is `npm run test:blocks`.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ColdCpu } from '../conformance/native-oracle/cold.js';
import { describeDifference } from '../conformance/native-oracle/compare.js';
import { gprOf, nativeCase } from '../conformance/native-oracle/native-case.js';
import { oracleModes } from '../conformance/native-oracle/oracle-modes.js';
import {
  CODE_ADDRESS,
  type NativeCase,
  WINDOW_ADDRESS,
} from '../conformance/native-oracle/protocol.js';
import { ReferenceCpu } from '../conformance/native-oracle/reference.js';
import type { MemoryLayout, PageEntry } from '../conformance/native-oracle/user-mode-tables.js';
import { kinds, type Part } from './instruction-sequence.js';
import { TierComparison } from './tier-comparison.js';

const NUM_RUNS = 400;
const SEED = 2;

const parts: fc.Arbitrary<Part[]> = fc.array(
  fc.record({ form: fc.nat(), seed: fc.integer(), condition: fc.nat(64) }),
  { minLength: 5, maxLength: 20 },
);

describe.each(oracleModes)('$name code', (mode) => {
  it.each(kinds)(
    'on %s means the same in blocks and one by one',
    (kind) => {
      const tiers = new TierComparison(mode, kind);
      const property = fc.property(parts, fc.integer(), (sequence, stateSeed) => {
        const text = tiers.compare(sequence, stateSeed);
        if (text !== undefined) throw new Error(text);
      });
      fc.assert(property, { numRuns: NUM_RUNS, seed: SEED });
      // Sequences that end early by a fault compare little: they must be the smaller part.
      expect(tiers.ends.get('completed')).toBeGreaterThan(NUM_RUNS / 3);
      expect(tiers.ends.get('timeout') ?? 0).toBeLessThan(NUM_RUNS / 20);
      // Only flat code has regions. That of mode '32-bit' is: FS and GS do not count.
      if (mode.dataBase === 0) expect(tiers.counts.regions).toBeGreaterThan(NUM_RUNS / 4);
    },
    600_000,
  );
});

const page = (frame: number, flags: number): PageEntry => ({
  ...{ frame, flags, noExecute: false, reserved: false },
});
const codePages = [0, 1, 2].map((frame) => page(frame, 0x25));
const layoutOf = (...window: readonly number[]): MemoryLayout => ({
  codeFrames: [0, 1, 2],
  entries: [...codePages, ...window.map((frame) => page(frame, 0x67))],
});

/** What random sequences have found, by what was wrong. */
const found: Readonly<Record<string, { input: NativeCase; layouts?: readonly MemoryLayout[] }>> = {
  // SHL WORD [EIP+...], CL
  'a region with an address relative to EIP': {
    input: nativeCase({
      code: [0x67, 0x66, 0xd3, 0x25, 0xf8, 0xff, 0xff, 0x0f],
      registers: { rcx: 3 },
    }),
  },
  // MOV BYTE [RDI], 0Fh and [RDI+1], 05h: SYSCALL in place of the two NOPs behind, after a first run that leaves them
  'code that makes itself a SYSCALL': {
    input: nativeCase({
      code: [0xc6, 0x07, 0x0f, 0xc6, 0x47, 0x01, 0x05, 0x90, 0x90],
      registers: { rdi: WINDOW_ADDRESS + 7 },
    }),
    layouts: [layoutOf(1, 4), layoutOf(3, 4)],
  },
  // STOSB into the next but one; JMP to it; MOV ECX, 1 across the page's end; DEC R15D; JNZ to the start
  'a write into the middle of an instruction on two pages': {
    input: nativeCase({
      code: [0xaa, 0xeb, 0, 0xb9, 1, 0, 0, 0, 0x41, 0xff, 0xcf, 0x75, 0xf3],
      rip: CODE_ADDRESS + 0xffb,
      registers: { rax: 0x77, rdi: WINDOW_ADDRESS + 0xfff, r15: 3 },
    }),
    layouts: [layoutOf(1, 4), layoutOf(3, 4)],
  },
};

describe('sequences that once differed', () => {
  it.each(Object.entries(found))('%s', (_name, { input, layouts = [] }) => {
    const hot = new ColdCpu({ bits: 64, withHotTier: true, offerShare: Infinity });
    const expected = new ReferenceCpu({ bits: 64 }).runSequence(input, layouts[0]);
    const got = hot.runSequence(input, layouts[0], layouts[1]);
    expect(describeDifference('hot', input, expected, got, { bits: 64 })).toBeUndefined();
    expect(hot.compiledRegions).toBeGreaterThan(0);
  });
  it('REP MOVSD and STOSD with more to do than a double counts exactly', () => {
    // Up to the page fault behind the window.
    const count = 0x5ebd_f44b_4506_9a08n;
    const moved = 0x7c;
    const at = WINDOW_ADDRESS + 0x2000 - moved;
    for (const opcode of [0xa5, 0xab]) {
      const registers = { rcx: count, rsi: at - 0x1000, rdi: at };
      const input = nativeCase({ code: [0xf3, opcode], registers });
      for (const cpu of [new ReferenceCpu({ bits: 64 }), new ColdCpu({ bits: 64 })]) {
        for (let run = 0; run < 2; run++) {
          const { vector, gpr } = cpu.runSequence(input);
          expect(vector).toBe(14);
          expect(gprOf(gpr, 1)).toBe(count - BigInt(moved / 4));
        }
      }
    }
  });
});
