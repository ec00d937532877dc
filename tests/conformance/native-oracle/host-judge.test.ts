// Which hosts are found unable to judge: those with the symptoms of a hypervisor without hardware support, and no others.
import { describe, expect, it } from 'vitest';
import { NativeOracleUnavailable } from './build-harness.js';
import { type HostFindings, hostVerdict, verdictOf } from './host-judge.js';
import { CODE_ADDRESS, FXSAVE_BYTES, type NativeResult } from './protocol.js';
import { doesProgram, type SmallProgram } from './small-programs.js';

const NT = 0x4000;
const done: NativeResult = {
  ...{ outcome: 'completed', vector: -1, errorCode: 0, faultAddress: 0, rip: CODE_ADDRESS + 1 },
  ...{ gpr: new Uint32Array(32), rflags: 0x202, fxsave: new Uint8Array(FXSAVE_BYTES), signal: 5 },
  ...{ segments: new Uint16Array(6), fsBase: 0, gsBase: 0, changes: [] },
};
const kept: NativeResult = { ...done, rflags: 0x202 | NT };
const killed: NativeResult = { ...done, outcome: 'killed', rip: CODE_ADDRESS, signal: 11 };
const refused: NativeResult = { ...done, outcome: 'fault', vector: 13, rip: CODE_ADDRESS };
const late: NativeResult = { ...done, outcome: 'timeout', signal: 14 };

/** Of a host on which everything is as it should be, but for what is given, and the programs that it does not do. */
const findings = (
  parts: Partial<HostFindings>,
  ...undone: readonly SmallProgram[]
): HostFindings => ({
  ...{ nop: done, probes: [kept, done], doesProgram: (name) => !undone.includes(name) },
  ...parts,
});
const fine = { cannotRun: undefined, cannotJudge: undefined };

describe.each([32, 64] as const)('of %i-bit programs', (bits) => {
  it('a host that keeps their flags and returns to any RSP is a judge', () => {
    expect(verdictOf(bits, findings({}))).toEqual(fine);
  });

  it('a host that loses NT runs the harness but is no judge', () => {
    const found = findings({ probes: [done, done] }, 'keeps NT');
    const { cannotRun, cannotJudge } = verdictOf(bits, found);
    expect(cannotRun).toBeUndefined();
    expect(cannotJudge).toContain('loses EFLAGS.NT');
  });

  it('a harness that loses NT on a host that keeps it is no reason against the host', () => {
    expect(verdictOf(bits, findings({ probes: [done, done] }))).toEqual(fine);
  });

  it('nothing else speaks against a host: not that it was slow, or that a probe killed the harness', () => {
    for (const result of [late, killed, { ...refused, vector: 6 }]) {
      const found = findings({ probes: [result, result] }, 'keeps NT', 'has any RSP');
      expect(verdictOf(bits, found)).toEqual(fine);
    }
  });

  it('a harness that ends though the host runs such programs is an error', () => {
    for (const nop of [killed, undefined])
      expect(() => verdictOf(bits, findings({ nop, probes: [] }))).toThrow(NativeOracleUnavailable);
  });
});

it('a host that runs no 32-bit programs is no judge of them', () => {
  const why = 'this host runs no 32-bit programs';
  for (const nop of [killed, undefined]) {
    const found = findings({ nop, probes: [] }, 'ends');
    expect(verdictOf(32, found)).toEqual({ cannotRun: why, cannotJudge: why });
    expect(() => verdictOf(64, found)).toThrow(NativeOracleUnavailable);
  }
});

it('a 64-bit host that refuses to return to a non-canonical RSP is no judge', () => {
  const found = findings({ probes: [kept, refused] }, 'has any RSP');
  const { cannotRun, cannotJudge } = verdictOf(64, found);
  expect(cannotRun).toBeUndefined();
  expect(cannotJudge).toContain('whose RSP is not canonical');
  const elsewhere = { ...refused, rip: CODE_ADDRESS + 1 };
  expect(verdictOf(64, { ...found, probes: [kept, elsewhere] })).toEqual(fine);
  expect(verdictOf(64, findings({ probes: [kept, refused] }))).toEqual(fine);
});

it.each([32, 64] as const)(
  'this host does every small %i-bit program if it is a judge',
  async (bits) => {
    const { cannotRun, cannotJudge } = await hostVerdict(bits);
    if (bits === 32) expect(doesProgram(32, 'ends')).toBe(cannotRun === undefined);
    const done = (['keeps NT', 'has any RSP'] as const).every((name) => doesProgram(bits, name));
    expect(done).toBe(cannotJudge === undefined);
  },
);
