// A helper that compiles hot regions in a Worker. The CPU's thread looks for answers when it comes by, without a turn of the event loop. The
// Worker does not keep the process alive, and ends with it.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  MessageChannel,
  type MessagePort,
  receiveMessageOnPort,
  Worker,
} from 'node:worker_threads';
import type { CompileAnswer, CompileHelper, CompileQuestion } from '@proxeny/vcpu-x86';
import type { WorkerReply } from './compile-worker.js';

/** Its heap, in MiB: few regions wait at a time, and what it keeps of instructions is bounded. What is made for a region soon goes. */
const LIMITS = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 8 };

export class WorkerCompiler implements CompileHelper {
  readonly #worker: Worker;
  readonly #port: MessagePort;
  /** When each question that waits was asked. */
  readonly #askedMs: number[] = [];
  #isLost = false;
  /** Questions answered, and their regions; what the Worker took for them, and how long they waited in all and at most, in ms. */
  readonly #counters = { answers: 0, regions: 0, busyMs: 0, waitMs: 0, longestWaitMs: 0 };

  /** Null: its code is not to be found (the package was bundled into something else, or runs from its sources). */
  static start(): WorkerCompiler | null {
    const url = new URL('./compile-worker.js', import.meta.url);
    return existsSync(fileURLToPath(url)) ? new WorkerCompiler(url) : null;
  }

  private constructor(url: URL) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#worker = new Worker(url, {
      workerData: port2,
      transferList: [port2],
      resourceLimits: LIMITS,
    });
    this.#worker.unref();
    port1.unref();
    const lost = (): void => {
      this.#isLost = true;
    };
    this.#worker.on('error', lost).on('exit', lost);
  }

  get isLost(): boolean {
    return this.#isLost;
  }
  get counters(): Readonly<Record<string, number>> {
    const whole = Object.entries(this.#counters).map(([name, n]) => [name, Math.round(n)]);
    return Object.fromEntries(whole) as Record<string, number>;
  }

  ask(question: CompileQuestion): void {
    this.#askedMs.push(performance.now());
    const pages = question.regions.flatMap(({ image }) => [...image.pages.values()]);
    this.#port.postMessage(
      question,
      pages.flatMap((page) => (page ? [page.bytes.buffer] : [])),
    );
  }
  take(): CompileAnswer | null {
    const received = receiveMessageOnPort(this.#port);
    if (!received) return null;
    const { answer, busyMs } = received.message as WorkerReply;
    const counters = this.#counters;
    const waitMs = performance.now() - (this.#askedMs.shift() ?? 0);
    counters.answers++;
    counters.regions += answer.outcomes.length;
    counters.busyMs += busyMs;
    counters.waitMs += waitMs;
    counters.longestWaitMs = Math.max(counters.longestWaitMs, waitMs);
    return answer;
  }

  /** Ends the thread. What was asked is lost. */
  async close(): Promise<void> {
    this.#isLost = true;
    this.#port.close();
    await this.#worker.terminate();
  }
}
