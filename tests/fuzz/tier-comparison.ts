// A sequence run by the reference evaluator one instruction at a time, by the cold tier in whole blocks, and by the hot tier in regions
// of them: do registers, flags, memory and page-table entries come out the same?
import { ColdCpu } from '../conformance/native-oracle/cold.js';
import { describeDifference } from '../conformance/native-oracle/compare.js';
import type { OracleForm } from '../conformance/native-oracle/forms.js';
import { descriptors, type OracleMode } from '../conformance/native-oracle/oracle-modes.js';
import { ReferenceCpu } from '../conformance/native-oracle/reference.js';
import type { UserMachine } from '../conformance/native-oracle/user-machine.js';
import {
  type Kind,
  type Part,
  type Sequence,
  sequenceCase,
  sequenceForms,
} from './instruction-sequence.js';

/** Regions compiled together: those of one sequence. */
const BATCH_REGIONS = 64;
/** One block in so many becomes a region, and each sequence's first. */
const OFFER_SHARE = 3;
const CODE_PAGES = 3;
/** A bit, which processors may set for code that they only looked at (SDM vol. 3A §4.8). */
const ACCESSED = 0x20;

/** Compares sequences of one mode and kind; nothing of one is left in the next but what caches hold. */
export class TierComparison {
  readonly mode: OracleMode;
  readonly kind: Kind;
  readonly #forms: readonly OracleForm[];
  readonly #reference: ReferenceCpu;
  readonly #cold: ColdCpu;
  readonly #hot: ColdCpu;
  /** How the reference's runs ended, counted. */
  readonly ends = new Map<string, number>();

  constructor(mode: OracleMode, kind: Kind) {
    this.mode = mode;
    this.kind = kind;
    this.#forms = sequenceForms(mode, kind);
    const { bits } = mode;
    this.#reference = new ReferenceCpu({ bits });
    this.#cold = new ColdCpu({ bits });
    const shares = { batchRegions: BATCH_REGIONS, offerShare: OFFER_SHARE };
    this.#hot = new ColdCpu({ bits, withHotTier: true, ...shares });
    if (!mode.segments) return;
    for (const cpu of [this.#reference, this.#cold, this.#hot])
      descriptors.forEach((d, i) => void cpu.setDescriptor(i, d));
  }

  /** Blocks that the cold tier decoded, and regions that the hot tier compiled. */
  get counts(): { readonly blocks: number; readonly regions: number } {
    return { blocks: this.#cold.translatedBlocks, regions: this.#hot.compiledRegions };
  }

  /** Runs the sequence of these parts in each tier; how they differ, undefined if they do not. */
  compare(parts: readonly Part[], stateSeed: number): string | undefined {
    const sequence = sequenceCase(this.mode, this.#forms, parts, stateSeed, this.kind);
    const { input, scene } = sequence;
    const expected = this.#reference.runSequence(input, scene.layout);
    this.ends.set(expected.outcome, (this.ends.get(expected.outcome) ?? 0) + 1);
    // It runs for ever, or so long that tiers would not stop at the same place.
    if (expected.outcome === 'timeout') return undefined;
    const { bits } = this.mode;
    for (const [tier, cpu] of Object.entries({ cold: this.#cold, hot: this.#hot })) {
      const got = cpu.runSequence(input, scene.layout, scene.trained);
      // In this comparison the reference stands where the host's result usually does.
      const text =
        describeDifference(tier, input, expected, got, { bits }) ??
        pagesDiffer(this.#reference.machine, cpu.machine);
      if (text !== undefined) return `${tier}: ${text}\n${describe(sequence)}`;
    }
    return undefined;
  }
}

function pagesDiffer(expected: UserMachine, got: UserMachine): string | undefined {
  const [a, b] = [expected.frames, got.frames];
  if (Buffer.compare(a, b) !== 0) {
    const at = a.findIndex((byte, i) => byte !== b[i]);
    return `byte ${at & 4095} of frame ${at >> 12} is ${b[at]}, not ${a[at]}`;
  }
  const [c, d] = [expected.pageEntries, got.pageEntries];
  if (c.every((w, i) => w === d[i])) return undefined;
  const entries = [c, d].map((words) =>
    words.map((word, i) => (i < CODE_PAGES * 2 ? word & ~ACCESSED : word)),
  );
  const word = entries[0].findIndex((w, i) => w !== entries[1][i]);
  if (word < 0) return undefined;
  const [wanted, found] = entries.map((e) => e[word].toString(16));
  return `word ${word} of the page table is ${found}, not ${wanted}`;
}

const describe = ({ input, scene }: Sequence): string =>
  [
    `rip ${input.rip.toString(16)}, alias ${scene.alias?.toString(16)}, frames ${scene.layout.codeFrames}`,
    ...scene.layout.entries.map(
      ({ frame, flags, noExecute, reserved }, i) =>
        `  page ${i}: frame ${frame} flags ${flags.toString(16)}${noExecute ? ' NX' : ''}${reserved ? ' reserved' : ''}`,
    ),
    scene.trained ? '  a first run with plain pages' : '',
  ].join('\n');
