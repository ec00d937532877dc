// Whether the host can judge at all. Some hypervisors without hardware support do the kernel's IRET in software and run no 32-bit code:
// under them programs lose a flag, or cannot be returned to, and what comes out says nothing of the processor. A host is found wanting
// only by these very symptoms, and only if a program without the harness has them too; whatever else is wrong must make tests fail.
import { NativeOracleUnavailable } from './build-harness.js';
import { NativeOracle } from './driver.js';
import { nativeCase } from './native-case.js';
import type { NativeCase, NativeResult } from './protocol.js';
import { doesProgram, type SmallProgram } from './small-programs.js';

/** What a host can do for programs of one word size. */
export interface HostVerdict {
  /** Why it does not even run the harness; undefined: it does. */
  readonly cannotRun: string | undefined;
  /** Why its results do not count, if only because there are none; undefined: they do. */
  readonly cannotJudge: string | undefined;
}

const NT = 0x4000;
const GENERAL_PROTECTION = 13;
const SOFTWARE = 'a hypervisor does that in software';

const nop: NativeCase = nativeCase({ code: [0x90] });

interface Probe {
  readonly input: NativeCase;
  readonly sizes: readonly (32 | 64)[];
  /** By what a host is known that cannot do it. */
  isSymptom(result: NativeResult): boolean;
  /** What it cannot do without the harness either. */
  readonly program: SmallProgram;
  readonly why: string;
}

/** A NOP each: what matters is how the kernel comes to it. */
const probes: readonly Probe[] = [
  {
    input: nativeCase({ code: [0x90], rflags: 0x202 | NT }),
    sizes: [32, 64],
    isSymptom: ({ outcome, rflags }) => outcome === 'completed' && (rflags & NT) === 0,
    program: 'keeps NT',
    why: `this host loses EFLAGS.NT when it returns to a program: ${SOFTWARE}`,
  },
  {
    input: nativeCase({ code: [0x90], registers: { rsp: 0x1234_5678_9abc_def0n } }),
    sizes: [64],
    isSymptom: ({ outcome, vector, rip }) =>
      outcome === 'fault' && vector === GENERAL_PROTECTION && rip === nop.rip,
    program: 'has any RSP',
    why: `this host does not return to a program whose RSP is not canonical: ${SOFTWARE}`,
  },
];

const probesOf = (bits: 32 | 64): readonly Probe[] =>
  probes.filter(({ sizes }) => sizes.includes(bits));

/** What {@link verdictOf} goes by. */
export interface HostFindings {
  /** The result of a NOP in the state of no particular case; undefined: the kernel takes the harness for no program. */
  readonly nop: NativeResult | undefined;
  /** Results of the probes, in their order; none if the NOP's is `killed`. */
  readonly probes: readonly NativeResult[];
  /** Does the host do the program as it should? Asked only when the harness shows a symptom. */
  doesProgram(name: SmallProgram): boolean;
}

/** @throws NativeOracleUnavailable when the harness does not run though the host runs such programs */
export function verdictOf(bits: 32 | 64, findings: HostFindings): HostVerdict {
  if (findings.nop === undefined || findings.nop.outcome === 'killed') {
    if (bits === 64 || findings.doesProgram('ends'))
      throw new NativeOracleUnavailable(
        `the ${bits}-bit native oracle ends by itself on this host`,
      );
    const why = 'this host runs no 32-bit programs';
    return { cannotRun: why, cannotJudge: why };
  }
  const cannot = probesOf(bits).find(
    ({ isSymptom, program }, i) => isSymptom(findings.probes[i]) && !findings.doesProgram(program),
  );
  return { cannotRun: undefined, cannotJudge: cannot?.why };
}

async function examine(bits: 32 | 64): Promise<HostVerdict> {
  const ask = (name: SmallProgram): boolean => doesProgram(bits, name);
  let oracle: NativeOracle;
  try {
    oracle = await NativeOracle.open({ bits });
  } catch (error) {
    const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
    if (cause?.code !== 'ENOEXEC') throw error;
    return verdictOf(bits, { nop: undefined, probes: [], doesProgram: ask });
  }
  try {
    const [plain] = await oracle.run([nop]);
    const inputs = plain.outcome === 'killed' ? [] : probesOf(bits).map(({ input }) => input);
    const results = await oracle.run(inputs);
    return verdictOf(bits, { nop: plain, probes: results, doesProgram: ask });
  } finally {
    await oracle.close();
  }
}

const verdicts = new Map<32 | 64, Promise<HostVerdict>>();

/**
 * What this host can do, found out once per process.
 * @throws NativeOracleUnavailable when the harness cannot be built or started
 */
export function hostVerdict(bits: 32 | 64): Promise<HostVerdict> {
  const known = verdicts.get(bits) ?? examine(bits);
  verdicts.set(bits, known);
  return known;
}
