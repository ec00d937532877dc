// Compiles regions of code that it is shown copies of: the half of a helper that knows no transport. Questions and answers are plain data,
// but for the compiled module, which threads of one process can post to one another.
import { FeatureGate } from '../isa/feature-gate.js';
import type { Mode } from '../semantics/shape.js';
import { RegionBatch, RegionMaker } from './batch.js';
import { type CodeImage, type CodeWishes, ImageSource } from './code-image.js';
import type { RegionCode } from './region-code.js';

/** One region that is asked for. */
export interface RegionQuestion {
  readonly modeClass: number;
  readonly mode: Mode;
  readonly image: CodeImage;
  /** Nothing more can be shown: what is not in the copy is taken not to be there. */
  readonly isFinal: boolean;
}

/** Regions for one module. */
export interface CompileQuestion {
  /** The features of the CPU that decodes the code: a gate's name. */
  readonly environment: string;
  readonly regions: readonly RegionQuestion[];
}

/** The region is in the module; it is the cold tier's; or it takes more code than was shown. */
export type RegionOutcome = 'made' | 'cold' | CodeWishes;

export interface CompileAnswer {
  /** By question. */
  readonly outcomes: readonly RegionOutcome[];
  /** Null: there is no region in it. */
  readonly module: WebAssembly.Module | null;
  /** What it was compiled from, and the regions by the names of its exports. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly codes: ReadonlyMap<string, RegionCode>;
}

const MAX_MAKERS = 16;

export class CompileServer {
  private readonly makers = new Map<string, RegionMaker>();

  answer({ environment, regions }: CompileQuestion): CompileAnswer {
    const maker = this.makerOf(environment);
    const batch = new RegionBatch();
    const outcomes = regions.map((question) => outcomeOf(maker, batch, question));
    const { codes } = batch;
    if (codes.size === 0) return { outcomes, module: null, bytes: new Uint8Array(0), codes };
    const bytes = maker.build(batch);
    return { outcomes, module: new WebAssembly.Module(bytes), bytes, codes };
  }

  private makerOf(environment: string): RegionMaker {
    let maker = this.makers.get(environment);
    if (!maker) {
      if (this.makers.size === MAX_MAKERS) this.makers.clear();
      maker = new RegionMaker(FeatureGate.named(environment));
      this.makers.set(environment, maker);
    }
    return maker;
  }
}

function outcomeOf(
  maker: RegionMaker,
  batch: RegionBatch,
  { modeClass, mode, image, isFinal }: RegionQuestion,
): RegionOutcome {
  const source = new ImageSource(image);
  const region = maker.discover(source, modeClass, mode);
  if (source.isShort && !isFinal) return source.missing;
  if (!region) return 'cold';
  maker.add(batch, region, source, modeClass, mode);
  return 'made';
}
