// Parses the log of `qemu-system-* -d in_asm,cpu,int,nochain -singlestep -D file` (QEMU 7.2; later
// versions call the option `-accel tcg,one-insn-per-tb=on`) into register snapshots.
//
// With -singlestep a translation block is one instruction, and with nochain its registers are
// printed every time *before* it runs. in_asm prints an instruction only when it is translated.
import { type CpuSnapshot, linearRip, type RegisterName, registerName } from './cpu-snapshot.js';
import type { LockStepReference } from './lock-step.js';

export type QemuLogEvent =
  /** A state before an instruction. */
  | { readonly kind: 'state'; readonly snapshot: CpuSnapshot }
  /** An instruction as translated; `bytes` may be empty when the log has none. */
  | {
      readonly kind: 'instruction';
      readonly address: bigint;
      readonly bytes: Uint8Array;
      readonly text: string;
    }
  /** An exception or interrupt being delivered, with the state before delivery if printed. */
  | {
      readonly kind: 'interrupt';
      readonly vector: number;
      readonly errorCode: number;
      /** True for INT n, INT3 and INTO. */
      readonly software: boolean;
      readonly snapshot: CpuSnapshot;
    };

const SEGMENT = /^(ES|CS|SS|DS|FS|GS|LDT|TR) *=([0-9a-f]{4}) ([0-9a-f]+) [0-9a-f]{8} [0-9a-f]{8}/;
const TABLE = /^(GDT|IDT)= +([0-9a-f]+) ([0-9a-f]+)/;
const FIELD = /\b([A-Z][A-Z0-9]{1,3}) *=([0-9a-f]+)\b/g;
const INSTRUCTION = /^0x([0-9a-f]+): {2}((?:[0-9a-f]{2} )+) *(.*)$/;
const CONTINUED = /^0x[0-9a-f]+: {2}((?:[0-9a-f]{2} ?)+)$/;
const INTERRUPT = /^ *\d+: v=([0-9a-f]+) e=([0-9a-f]+) i=([01])/;

function readStateLine(line: string, snapshot: CpuSnapshot): void {
  const segment = SEGMENT.exec(line);
  if (segment) {
    const name = segment[1].toLowerCase() as RegisterName;
    snapshot[name] = BigInt(`0x${segment[2]}`);
    const base = registerName(`${name}_base`);
    if (base) snapshot[base] = BigInt(`0x${segment[3]}`);
    return;
  }
  const table = TABLE.exec(line);
  if (table) {
    const name = table[1].toLowerCase() as 'gdt' | 'idt';
    snapshot[`${name}_base`] = BigInt(`0x${table[2]}`);
    snapshot[`${name}_limit`] = BigInt(`0x${table[3]}`);
    return;
  }
  for (const [, name, digits] of line.matchAll(FIELD)) {
    const register = registerName(name);
    if (register) snapshot[register] = BigInt(`0x${digits}`);
  }
}

/** Events of a log, in order. Lines of other `-d` items are skipped. */
export async function* parseQemuLog(
  lines: AsyncIterable<string> | Iterable<string>,
): AsyncGenerator<QemuLogEvent> {
  let snapshot: CpuSnapshot | undefined;
  let interrupt: { vector: number; errorCode: number; software: boolean } | undefined;
  let instruction: { address: bigint; bytes: Uint8Array; text: string } | undefined;
  for await (const line of lines) {
    const more = instruction && CONTINUED.exec(line);
    if (instruction && more) {
      const bytes = Buffer.from(more[1].replaceAll(' ', ''), 'hex');
      instruction = { ...instruction, bytes: Buffer.concat([instruction.bytes, bytes]) };
      continue;
    }
    if (instruction) {
      yield { kind: 'instruction', ...instruction };
      instruction = undefined;
    }
    const translated = INSTRUCTION.exec(line);
    const delivered = INTERRUPT.exec(line);
    if (translated) {
      const bytes = Uint8Array.from(Buffer.from(translated[2].replaceAll(' ', ''), 'hex'));
      instruction = { address: BigInt(`0x${translated[1]}`), bytes, text: translated[3] };
    } else if (delivered) {
      interrupt = {
        vector: Number.parseInt(delivered[1], 16),
        errorCode: Number.parseInt(delivered[2], 16),
        software: delivered[3] === '1',
      };
    } else if (/^[ER]AX=/.test(line)) {
      snapshot = {};
      readStateLine(line, snapshot);
    } else if (snapshot) {
      readStateLine(line, snapshot);
      if (!line.startsWith('EFER=')) continue;
      if (interrupt) yield { kind: 'interrupt', ...interrupt, snapshot };
      else yield { kind: 'state', snapshot };
      snapshot = undefined;
      interrupt = undefined;
    }
  }
  if (instruction) yield { kind: 'instruction', ...instruction };
}

/** A recorded log as the reference of a lock-step run. */
export class QemuLogReference implements LockStepReference {
  readonly #events: AsyncGenerator<QemuLogEvent>;
  readonly #code = new Map<bigint, Uint8Array>();
  #current: CpuSnapshot | undefined;

  constructor(lines: AsyncIterable<string> | Iterable<string>) {
    this.#events = parseQemuLog(lines);
  }

  async snapshot(): Promise<CpuSnapshot> {
    const current = this.#current ?? (await this.step());
    if (!current) throw new Error('the QEMU log holds no CPU state (-d cpu,nochain -singlestep)');
    return current;
  }

  async step(): Promise<CpuSnapshot | undefined> {
    for (;;) {
      const { done, value: event } = await this.#events.next();
      if (done) return undefined;
      if (event.kind === 'instruction') this.#code.set(event.address, event.bytes);
      if (event.kind !== 'state') continue;
      this.#current = event.snapshot;
      return event.snapshot;
    }
  }

  /** Bytes of the last translation at that address: right unless code was rewritten since. */
  async code(at: CpuSnapshot): Promise<Uint8Array> {
    return this.#code.get(linearRip(at)) ?? new Uint8Array(0);
  }
}
