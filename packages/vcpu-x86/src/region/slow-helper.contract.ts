// A helper for tests: questions and answers are copied as a thread's would be, and an answer comes when it has been looked for often enough.
import type { CompileHelper } from './compile-help.js';
import { type CompileAnswer, type CompileQuestion, CompileServer } from './compile-server.js';
import { RegionLibrary } from './library.js';

export class SlowHelper implements CompileHelper {
  readonly questions: CompileQuestion[] = [];
  isLost = false;
  readonly #server = new CompileServer();
  readonly #delay: number;
  #answered = 0;
  #looks = 0;

  /** @param delay looks that find nothing, before each answer */
  constructor(delay: number) {
    this.#delay = delay;
  }
  get counters(): Readonly<Record<string, number>> {
    return { answers: this.#answered };
  }
  ask(question: CompileQuestion): void {
    this.questions.push(structuredClone(question));
  }
  take(): CompileAnswer | null {
    if (this.isLost || this.#answered === this.questions.length) return null;
    if (this.#looks++ < this.#delay) return null;
    this.#looks = 0;
    return structuredClone(this.#server.answer(this.questions[this.#answered++]));
  }
}

export function helpedLibrary(helper: CompileHelper): RegionLibrary {
  const library = new RegionLibrary();
  library.help.employ(helper);
  return library;
}
