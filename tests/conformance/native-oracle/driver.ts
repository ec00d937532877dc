// NativeOracle: runs cases in the harness process and gives the host CPU's results back.
//
// The harness is fed through a pipe in batches. If an instruction kills it, the results it had not
// written yet are lost: those cases run again one at a time until the culprit shows, which gets the
// outcome `killed`; the rest goes on in batches.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { buildHarness, NativeOracleUnavailable } from './build-harness.js';
import { forbiddenReason } from './forbidden.js';
import {
  caseByteLength,
  decodeResult,
  encodeCase,
  encodeDescriptor,
  FXSAVE_BYTES,
  type LdtDescriptor,
  type NativeCase,
  type NativeResult,
  resultByteLength,
} from './protocol.js';

type Harness = ChildProcessByStdio<Writable, Readable, Readable>;
const BATCH_CASES = 2048;
/** A busy host, or one that delays locks across a line's end, keeps a case waiting for as long as an endless one may run: it runs again so often. */
const ATTEMPTS = 4;
/** Cases rerun singly after a death: more than the harness can hold unwritten. */
const SUSPECTS = 512;

export interface NativeOracleOptions {
  /** 64: long mode. 32: protected mode; 16-bit code runs there under an LDT segment. */
  readonly bits: 32 | 64;
}

/** A host CPU as an oracle. Open one, `run` any number of times (not concurrently), `close` it. */
export class NativeOracle {
  readonly bits: 32 | 64;
  readonly #program: string;
  readonly #descriptors = new Map<number, Uint8Array>();
  #harness: Harness | undefined;
  #received = new Uint8Array(0);
  #onData: (() => void) | undefined;
  #death: string | undefined;
  #stderr = '';
  #running = false;

  private constructor(bits: 32 | 64, program: string) {
    this.bits = bits;
    this.#program = program;
  }

  /** @throws NativeOracleUnavailable when it cannot be built or started on this host */
  static async open(options: NativeOracleOptions): Promise<NativeOracle> {
    const oracle = new NativeOracle(options.bits, buildHarness(options.bits));
    await oracle.#start();
    return oracle;
  }

  /** Sets LDT entry `index` for the following cases; select it with `ldtSelector(index)`. */
  setDescriptor(index: number, descriptor: LdtDescriptor): void {
    if (this.bits !== 32) throw new Error('setDescriptor: LDT descriptors need bits: 32');
    const record = encodeDescriptor(index, descriptor);
    this.#descriptors.set(index, record);
    this.#harness?.stdin.write(record);
  }

  /**
   * Runs each case, in order; those that end by the timer are run again.
   * @throws Error when a case's instruction may not run on the host (see forbidden.ts)
   */
  async run(cases: readonly NativeCase[]): Promise<NativeResult[]> {
    if (this.#running) throw new Error('NativeOracle.run: another run has not ended yet');
    this.#running = true;
    try {
      const results = await this.#runAll(cases);
      for (let n = 0; n < ATTEMPTS; n++) {
        const late = results.flatMap(({ outcome }, i) => (outcome === 'timeout' ? [i] : []));
        if (late.length === 0) break;
        const again = await this.#runAll(late.map((i) => cases[i]));
        late.forEach((i, k) => {
          results[i] = again[k];
        });
      }
      return results;
    } finally {
      this.#running = false;
    }
  }

  async #runAll(cases: readonly NativeCase[]): Promise<NativeResult[]> {
    for (const [i, input] of cases.entries()) {
      const reason = forbiddenReason(input.code, this.bits);
      if (reason) throw new Error(`case ${i} may not run natively: ${reason}`);
    }
    const results: NativeResult[] = [];
    let singlyUntil = 0;
    while (results.length < cases.length) {
      const from = results.length;
      const count = from < singlyUntil ? 1 : Math.min(BATCH_CASES, cases.length - from);
      if (!this.#harness) await this.#start();
      if (await this.#runBatch(cases, from, count, results)) continue;
      if (count === 1) {
        results.push(killedResult(this.#stderr || this.#death || 'unknown', cases[from]));
        singlyUntil = 0;
      } else {
        singlyUntil = results.length + SUSPECTS;
      }
    }
    return results;
  }

  /** Ends the harness process. */
  async close(): Promise<void> {
    const harness = this.#harness;
    if (!harness) return;
    await new Promise<void>((resolve) => {
      harness.once('close', () => resolve());
      harness.stdin.end();
    });
  }

  async #start(): Promise<void> {
    const harness = spawn(this.#program, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#received = new Uint8Array(0);
    this.#death = undefined;
    this.#stderr = '';
    harness.stdin.on('error', () => {}); // EPIPE: the close event tells why
    harness.stderr.on('data', (text: Buffer) => {
      this.#stderr = (this.#stderr + text.toString()).slice(-4096);
    });
    harness.stdout.on('data', (chunk: Buffer) => {
      const joined = new Uint8Array(this.#received.length + chunk.length);
      joined.set(this.#received);
      joined.set(chunk, this.#received.length);
      this.#received = joined;
      this.#onData?.();
    });
    harness.once('close', (code, signal) => {
      this.#death = signal ?? `exit code ${code}`;
      if (this.#harness === harness) this.#harness = undefined;
      this.#onData?.();
    });
    await new Promise<void>((resolve, reject) => {
      harness.once('spawn', resolve);
      harness.once('error', (cause) => {
        const hint = this.bits === 32 ? ' (does the kernel run 32-bit programs?)' : '';
        const message = `cannot start the ${this.bits}-bit native oracle${hint}: ${cause.message}`;
        reject(new NativeOracleUnavailable(message, { cause }));
      });
    });
    this.#harness = harness;
    for (const record of this.#descriptors.values()) harness.stdin.write(record);
  }

  /** Appends results; false when the harness died before the batch was done. */
  async #runBatch(
    cases: readonly NativeCase[],
    from: number,
    count: number,
    results: NativeResult[],
  ): Promise<boolean> {
    const batch = cases.slice(from, from + count);
    const bytes = new Uint8Array(batch.reduce((n, input) => n + caseByteLength(input), 0));
    let at = 0;
    for (const [i, input] of batch.entries()) {
      encodeCase(input, from + i, bytes, at);
      at += caseByteLength(input);
    }
    this.#harness?.stdin.write(bytes);
    for (;;) {
      this.#takeResults(cases, results);
      if (results.length >= from + count) return true;
      if (this.#death !== undefined) {
        if (/modify_ldt|cannot (map|install)/.test(this.#stderr)) {
          throw new NativeOracleUnavailable(this.#stderr.trim());
        }
        return false;
      }
      await new Promise<void>((resolve) => {
        this.#onData = resolve;
      });
    }
  }

  #takeResults(cases: readonly NativeCase[], results: NativeResult[]): void {
    const source = this.#received;
    let at = 0;
    for (;;) {
      const byteLength = resultByteLength(source, at, source.length);
      if (byteLength === 0) break;
      const input = cases[results.length];
      const { id, result } = decodeResult(input, source, at, this.bits);
      if (id !== results.length) throw new Error(`harness answered ${id}, want ${results.length}`);
      results.push(result);
      at += byteLength;
    }
    this.#received = source.slice(at);
  }
}

function killedResult(why: string, input: NativeCase): NativeResult {
  const signal = why === 'SIGKILL' ? 9 : 11;
  return {
    ...{ outcome: 'killed', vector: -1, errorCode: 0, faultAddress: 0, rip: input.rip, signal },
    ...{ gpr: new Uint32Array(32), rflags: 0, fxsave: new Uint8Array(FXSAVE_BYTES) },
    ...{ segments: new Uint16Array(6), fsBase: 0, gsBase: 0, changes: [] },
  };
}
