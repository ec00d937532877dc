// Regions that become one WebAssembly module. All that a compilation depends on comes in here (code, mode, features of the CPU), and
// nothing that a CPU of this machine is: the same code gives the same bytes, whoever asks.
import { CompileTimes } from '../compile-times.js';
import type { FeatureGate } from '../isa/feature-gate.js';
import type { Mode } from '../semantics/shape.js';
import { ModuleWriter } from '../wasm/module.js';
import { type CodeSource, discoverRegion, type PageUse, type Region } from './discover.js';
import { addRegion } from './emit.js';
import { Programs } from './programs.js';
import { firstBytes, type RegionCode } from './region-code.js';

/** A module in the making. */
export class RegionBatch {
  readonly writer: ModuleWriter = new ModuleWriter();
  /** By the names of the module's exports: numbers in the order of coming. */
  readonly codes = new Map<string, RegionCode>();
}

/** Makes regions of one set of features; keeps what it learns of instructions. */
export class RegionMaker {
  readonly gate: FeatureGate;
  private readonly times: CompileTimes;
  /** By mode class. */
  private readonly programs = new Map<number, Programs>();

  /** @param times where the time that it takes is counted */
  constructor(gate: FeatureGate, times: CompileTimes = new CompileTimes()) {
    this.gate = gate;
    this.times = times;
  }

  /** The region of a hot entry; null: the entry itself is the cold tier's. */
  discover(source: CodeSource, modeClass: number, mode: Mode): Region | null {
    const before = this.times.enter('ir');
    const programs = this.programsOf(modeClass, mode);
    const region = discoverRegion(source, mode, this.gate, programs, this.times);
    this.times.enter(before);
    return region;
  }
  /** Puts a region, discovered in `source`, into the module. */
  add(batch: RegionBatch, region: Region, source: CodeSource, modeClass: number, mode: Mode): void {
    const before = this.times.enter('emit');
    const name = String(batch.codes.size);
    addRegion(batch.writer, name, region, mode);
    batch.codes.set(name, codeOf(region, source, modeClass));
    this.times.enter(before);
  }
  /** The module's bytes. */
  build(batch: RegionBatch): Uint8Array<ArrayBuffer> {
    const before = this.times.enter('emit');
    const bytes = batch.writer.build();
    this.times.enter(before);
    return bytes;
  }

  private programsOf(modeClass: number, mode: Mode): Programs {
    let programs = this.programs.get(modeClass);
    if (!programs) {
      programs = new Programs(mode);
      this.programs.set(modeClass, programs);
    }
    return programs;
  }
}

function codeOf(region: Region, source: CodeSource, modeClass: number): RegionCode {
  const { pages, runs, lone } = region;
  const hostOf = (page: number): number => (pages.get(page) as PageUse).host;
  let length = 0;
  for (let i = 0; i < runs.length; i += 2) length += runs[i + 1] - runs[i];
  const bytes = new Uint8Array(length);
  let n = 0;
  for (let i = 0; i < runs.length; i += 2) {
    for (let at = runs[i]; at < runs[i + 1]; at++) {
      const page = Math.floor(at / 4096);
      bytes[n++] = source.bytes[hostOf(page) + at - page * 4096];
    }
  }
  const instructions = region.blocks.reduce((sum, b) => sum + b.instructions.length, 0);
  const { entry } = source;
  const first = firstBytes(source.bytes, hostOf(0) + entry);
  return { modeClass, entry, first, runs, lone, bytes, instructions };
}
