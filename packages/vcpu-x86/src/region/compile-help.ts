// Whoever compiles regions while the CPU goes on, and the questions that wait for its answers. What it answers goes into a library; that
// a region is the right one is found out there as for any other, by its bytes.
import type { CompileAnswer, CompileQuestion } from './compile-server.js';

/** Compiles elsewhere. Answers come in the order of questions, and only when they are taken. */
export interface CompileHelper {
  /** It answers no more; what was asked is lost. */
  readonly isLost: boolean;
  ask(question: CompileQuestion): void;
  /** An answer that has come; null: none yet. Does not wait. */
  take(): CompileAnswer | null;
  /** What it did, as plain numbers for people. */
  readonly counters: Readonly<Record<string, number>>;
}

/** Who asked; null: nobody will answer. */
export type Asker = (answer: CompileAnswer | null) => void;

/** Questions that wait at a time. */
const MAX_QUESTIONS = 4;

export class CompileHelp {
  private helper: CompileHelper | null = null;
  private readonly askers: { readonly environment: string; readonly asker: Asker }[] = [];
  private readonly onAnswer: (environment: string, answer: CompileAnswer) => void;

  /** @param onAnswer called before the asker is */
  constructor(onAnswer: (environment: string, answer: CompileAnswer) => void) {
    this.onAnswer = onAnswer;
  }

  /** Has `helper` compile from now on; null: nobody, and what was asked is lost. */
  employ(helper: CompileHelper | null): void {
    this.helper = null;
    for (const { asker } of this.askers.splice(0)) asker(null);
    this.helper = helper;
  }
  get isThere(): boolean {
    return this.helper !== null;
  }
  get isIdle(): boolean {
    return this.askers.length === 0;
  }
  /** It has enough to do. */
  get isBusy(): boolean {
    return this.askers.length >= MAX_QUESTIONS;
  }
  get counters(): Readonly<Record<string, number>> {
    return this.helper?.counters ?? {};
  }

  ask(question: CompileQuestion, asker: Asker): void {
    this.askers.push({ environment: question.environment, asker });
    this.helper?.ask(question);
  }
  /** Takes what has been answered. Between slices only: it may drop regions. */
  collect(): void {
    const { helper, askers } = this;
    if (!helper || askers.length === 0) return;
    for (let answer = helper.take(); answer; answer = helper.take()) {
      const asked = askers.shift();
      if (!asked) return;
      this.onAnswer(asked.environment, answer);
      asked.asker(answer);
    }
    if (helper.isLost) this.employ(null);
  }
}
