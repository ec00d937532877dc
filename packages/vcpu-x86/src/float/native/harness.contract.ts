// Compiles harness.c once and feeds it batches of cases: the host CPU as oracle for x87 and SSE.
/// <reference types="node" />
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface NativeCase {
  op: number;
  cw: number;
  mxcsr: number;
  /** Up to 80 bits. */
  a: bigint;
  b: bigint;
  imm: number;
}

export interface NativeOutcome {
  st0: bigint;
  st1: bigint;
  mem: bigint;
  sw: number;
  eflags: number;
  mxcsr: number;
  signalled: boolean;
}

/** The C compiler; CC overrides it. */
const compiler = process.env.CC ?? 'gcc';

const CASE_BYTES = 32;
const OUTCOME_BYTES = 48;

function write80(view: DataView, at: number, value: bigint): void {
  view.setBigUint64(at, value & 0xffffffffffffffffn, true);
  view.setUint16(at + 8, Number((value >> 64n) & 0xffffn), true);
}

function read80(view: DataView, at: number): bigint {
  return (BigInt(view.getUint16(at + 8, true)) << 64n) | view.getBigUint64(at, true);
}

export class NativeHarness {
  readonly #folder: string;
  readonly #program: string;

  private constructor(folder: string, program: string) {
    this.#folder = folder;
    this.#program = program;
  }

  /** Compiles the harness. Returns a reason instead when this machine cannot (no gcc, not x86-64). */
  static create(): NativeHarness | string {
    if (process.arch !== 'x64') return `needs an x86-64 host, this one is ${process.arch}`;
    const probe = spawnSync(compiler, ['--version']);
    if (probe.error !== undefined) return 'needs gcc (Debian package gcc) to compile the oracle';
    const folder = mkdtempSync(join(tmpdir(), 'proxeny-float-'));
    const program = join(folder, 'harness');
    const source = fileURLToPath(new URL('./harness.c', import.meta.url));
    execFileSync(compiler, ['-O1', '-mno-red-zone', '-msse4.1', '-o', program, source]);
    return new NativeHarness(folder, program);
  }

  run(cases: readonly NativeCase[]): NativeOutcome[] {
    const input = new Uint8Array(cases.length * CASE_BYTES);
    const view = new DataView(input.buffer);
    cases.forEach((c, i) => {
      const at = i * CASE_BYTES;
      view.setUint16(at, c.op, true);
      view.setUint16(at + 2, c.cw, true);
      view.setUint32(at + 4, c.mxcsr, true);
      write80(view, at + 8, c.a);
      write80(view, at + 18, c.b);
      view.setUint32(at + 28, c.imm, true);
    });
    const output = execFileSync(this.#program, {
      input,
      maxBuffer: cases.length * OUTCOME_BYTES + 1024,
    });
    if (output.length !== cases.length * OUTCOME_BYTES) throw new Error('the oracle stopped early');
    const out = new DataView(output.buffer, output.byteOffset, output.byteLength);
    return cases.map((_, i) => {
      const at = i * OUTCOME_BYTES;
      return {
        st0: read80(out, at),
        st1: read80(out, at + 10),
        mem: read80(out, at + 20),
        sw: out.getUint16(at + 30, true),
        eflags: out.getUint32(at + 32, true),
        mxcsr: out.getUint32(at + 36, true),
        signalled: out.getUint32(at + 40, true) !== 0,
      };
    });
  }

  /** Runs the cases and lists those where `ours` tells another story than `host`, at most ten of them. */
  differences(
    cases: readonly NativeCase[],
    host: (c: NativeCase, o: NativeOutcome) => string,
    ours: (c: NativeCase, o: NativeOutcome) => string,
  ): string[] {
    const found: string[] = [];
    const outcomes = this.run(cases);
    for (let i = 0; i < cases.length && found.length < 10; i++) {
      const expected = host(cases[i], outcomes[i]);
      const got = ours(cases[i], outcomes[i]);
      if (expected === got) continue;
      const { op, cw, mxcsr, a, b, imm } = cases[i];
      const text = [cw, mxcsr, a, b, imm].map((v) => v.toString(16)).join(' ');
      found.push(`op ${op} (cw mxcsr a b imm: ${text}) host: ${expected} ours: ${got}`);
    }
    return found;
  }

  dispose(): void {
    if (existsSync(this.#folder)) rmSync(this.#folder, { recursive: true });
  }
}
