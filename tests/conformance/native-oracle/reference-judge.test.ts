// The reference evaluator in the host's place, on any host: so that it can be relied on where it is needed.
import { describe, expect, it } from 'vitest';
import { hostJudges } from './coverage.js';
import { oracleForms } from './forms.js';
import { gprOf, nativeCase } from './native-case.js';
import { oracleModes } from './oracle-modes.js';
import { judgeName, OracleRun } from './oracle-run.js';
import { CODE_ADDRESS, ldtSelector, WINDOW_ADDRESS } from './protocol.js';
import { ReferenceJudge } from './reference-judge.js';

const why = 'it is not asked';
const verdict = { cannotRun: why, cannotJudge: why };
/** One form in so many. */
const SHARE = 40;
const CASES = 4;

describe('the reference evaluator as a judge', () => {
  it('gives each case a result of its own, in order', async () => {
    const judge = new ReferenceJudge(64);
    const results = await judge.run([
      nativeCase({ code: [0x48, 0xff, 0xc0], registers: { rax: 1 } }), // inc rax
      nativeCase({ code: [0x89, 0x03], registers: { rax: 7, rbx: WINDOW_ADDRESS } }), // mov [rbx], eax
      nativeCase({ code: [0xf7, 0xf1], registers: { rax: 1 } }), // div ecx
    ]);
    expect(results.map(({ outcome, vector }) => [outcome, vector])).toEqual([
      ['completed', -1],
      ['completed', -1],
      ['fault', 0],
    ]);
    expect(gprOf(results[0].gpr, 0)).toBe(2n);
    expect(results[1].changes).toEqual([{ offset: 0, bytes: Uint8Array.of(7) }]);
    expect(results[2].rip).toBe(CODE_ADDRESS);
    await judge.close();
  });

  it('runs 16-bit code under the LDT segments it was given', async () => {
    const judge = new ReferenceJudge(16);
    const sixteen = { limit: 0xffff, big: false };
    judge.setDescriptor(0, { ...sixteen, base: CODE_ADDRESS - 0x1000, code: true });
    judge.setDescriptor(1, { ...sixteen, base: WINDOW_ADDRESS - 0x4000, code: false });
    const [cs, data] = [ldtSelector(0), ldtSelector(1)];
    const registers = { rbx: 0x4000, rax: 0x1234 };
    const segments = { cs, ss: data, ds: data, es: data };
    const mov = nativeCase({ code: [0x89, 0x07], rip: 0x1000, segments, registers }); // mov [bx], ax
    const [result] = await judge.run([mov]);
    expect(result).toMatchObject({ outcome: 'completed', rip: 0x1002 });
    expect(result.changes).toEqual([{ offset: 0, bytes: Uint8Array.of(0x34, 0x12) }]);
  });

  it('is named with the reason', () => {
    expect(judgeName(verdict)).toBe('the reference evaluator (it is not asked)');
    expect(judgeName({ cannotRun: undefined, cannotJudge: undefined })).toBe('the host');
  });
});

it.each(oracleModes)(
  'tiers are compared with it in $name code when the host is no judge',
  async (mode) => {
    const forms = oracleForms(mode).filter(
      ({ form }, i) => i % SHARE === 0 && hostJudges(form, mode.bits),
    );
    const run = await OracleRun.open(mode, { seed: 5, inline: true, verdict });
    const failures = await run.compare(forms, CASES);
    await run.close();
    expect(failures.map(({ text }) => text)).toEqual([]);
    expect(run.cases).toBe(forms.length * CASES);
    expect(run.ends.get('completed')).toBeGreaterThan(run.cases / 2);
    if (mode.dataBase === 0) expect(run.hot.forms.size).toBeGreaterThan(0);
  },
);
