// Runs a reference (QEMU by gdb or by log) and our machine side by side and stops at the first
// instruction after which they differ.
//
// Both sides stop at every instruction boundary; an exception counts as the step of the instruction
// that raised it, so the next boundary is the handler's first instruction. REP strings may be one
// step on one side and one per iteration on the other. Device models and clocks differ between
// machines: after an instruction whose result may differ for that reason the subject adopts the
// reference's registers. Interrupts are not aligned: compare code that runs without them.
import {
  type CpuSnapshot,
  compareSnapshots,
  linearRip,
  type RegisterDifference,
  type RegisterName,
} from './cpu-snapshot.js';

/** The side that is right. */
export interface LockStepReference {
  snapshot(): Promise<CpuSnapshot>;
  /** One instruction; undefined at the end of a recorded trace. */
  step(): Promise<CpuSnapshot | undefined>;
  /** Up to 15 bytes at the snapshot's next instruction, fewer when unknown. */
  code(at: CpuSnapshot): Promise<Uint8Array>;
}

/** The side under test: the first `next()` is the state before the first instruction. */
export interface LockStepSubject extends Iterator<CpuSnapshot> {
  /** Takes the reference's registers over; memory too, if the machine wants to read it there. */
  adopt?(registers: CpuSnapshot, reference: LockStepReference): void | Promise<void>;
  /** Whether the last step read a device (port or MMIO), so that its result may differ. */
  readDevice?(): boolean;
}

export interface LockStepOptions {
  readonly maximumInstructions: number;
  /** Registers that are never compared. */
  readonly ignore?: readonly RegisterName[];
  /** RFLAGS bits that the instruction with these bytes leaves undefined. */
  undefinedFlags?(code: Uint8Array): number;
  /** Whether the instruction's result may differ between machines. Default {@link mayDiffer}. */
  mayDiffer?(code: Uint8Array): boolean;
  disassemble?(code: Uint8Array, at: CpuSnapshot): string;
  /** Instructions shown before a divergence. Default 16. */
  readonly historyLength?: number;
}

export interface ExecutedInstruction {
  readonly before: CpuSnapshot;
  readonly code: Uint8Array;
}

export interface Divergence {
  /** Instructions executed before the one that differs. */
  readonly index: number;
  readonly differences: readonly RegisterDifference[];
  /** The last instructions; the last one made the difference. Empty: the start states differ. */
  readonly history: readonly ExecutedInstruction[];
}

export interface LockStepReport {
  readonly instructions: number;
  /** Times the subject adopted the reference's registers. */
  readonly adoptions: number;
  readonly divergence: Divergence | undefined;
  /** Why it stopped without one. */
  readonly end: 'divergence' | 'maximum' | 'subject ended' | 'reference ended';
}

const REPEATS_MAX = 1 << 20;
const PREFIXES: ReadonlySet<number> = new Set([
  ...[0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3],
]);

/**
 * Whether the first instruction reads a clock, an MSR, CPUID, a random number or a port.
 * A REX prefix is skipped too: outside 64-bit mode that is an INC or DEC, and none of the matched
 * instructions can follow within it.
 */
export function mayDiffer(code: Uint8Array): boolean {
  let at = 0;
  while (PREFIXES.has(code[at])) at++;
  if (code[at] >= 0x40 && code[at] <= 0x4f) at++;
  const [opcode, second, third] = code.subarray(at, at + 3);
  if ([0xe4, 0xe5, 0xec, 0xed, 0x6c, 0x6d].includes(opcode)) return true;
  if (opcode !== 0x0f) return false;
  if ([0x31, 0x32, 0x33, 0xa2].includes(second)) return true;
  if (second === 0x01) return third === 0xf9;
  return second === 0xc7 && third >= 0xf0;
}

/** Compares until the first divergence, an end, or `maximumInstructions`. */
export async function runLockStep(
  reference: LockStepReference,
  subject: LockStepSubject,
  options: LockStepOptions,
): Promise<LockStepReport> {
  const ignored = new Set(options.ignore);
  const history: ExecutedInstruction[] = [];
  let adoptions = 0;
  let index = 0;
  const report = (
    end: LockStepReport['end'],
    differences?: RegisterDifference[],
  ): LockStepReport => ({
    ...{ instructions: index, adoptions, end },
    divergence: differences && { index: Math.max(0, index - 1), differences, history },
  });
  let before = await reference.snapshot();
  const first = subject.next();
  if (first.done) return report('subject ended');
  const atStart = compareSnapshots(before, first.value, ignored, 0);
  if (atStart.length) return report('divergence', atStart);
  while (index < options.maximumInstructions) {
    const code = await reference.code(before);
    history.push({ before, code });
    if (history.length > (options.historyLength ?? 16)) history.shift();
    let after = await reference.step();
    if (!after) return report('reference ended');
    const next = subject.next();
    if (next.done) return report('subject ended');
    index++;
    const ours = next.value;
    for (let n = 0; after.rip === before.rip && ours.rip !== after.rip && n < REPEATS_MAX; n++) {
      after = await reference.step();
      if (!after) return report('reference ended');
    }
    const flags = options.undefinedFlags?.(code) ?? 0;
    const found = compareSnapshots(after, ours, ignored, flags);
    if (found.length) {
      const excused = subject.readDevice?.() || (options.mayDiffer ?? mayDiffer)(code);
      const sameWay = found.every(({ register }) => register !== 'rip');
      if (!excused || !sameWay || !subject.adopt) return report('divergence', found);
    }
    // Undefined flags are adopted as well, or they would count after the next instruction.
    if (found.length || (flags && ours.rflags !== after.rflags)) {
      await subject.adopt?.(after, reference);
      adoptions++;
    }
    before = after;
  }
  return report('maximum');
}

const hex = (value: bigint): string => value.toString(16).padStart(8, '0');

/** A divergence as text: the last instructions, then each register that differs. */
export function describeDivergence(
  divergence: Divergence,
  disassemble?: LockStepOptions['disassemble'],
): string {
  const { history, differences, index } = divergence;
  const lines = [
    history.length
      ? `divergence after instruction ${index} (counted from 0); the last ${history.length}:`
      : 'the machines differ before the first instruction:',
  ];
  for (const { before, code } of history) {
    const bytes = Array.from(code, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const text = disassemble?.(code, before) ?? '';
    lines.push(
      `  ${hex(before.cs ?? 0n).slice(-4)}:${hex(linearRip(before))}  ${bytes}  ${text}`.trimEnd(),
    );
  }
  const last = history.at(-1)?.before;
  for (const { register, reference, subject } of differences) {
    const was = last?.[register];
    const from = was === undefined ? '' : ` (before ${hex(was)})`;
    lines.push(`  ${register.padEnd(9)} reference ${hex(reference)}, ours ${hex(subject)}${from}`);
  }
  return lines.join('\n');
}
