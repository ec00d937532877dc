// A machine in this process and somebody at its serial console: waits for output, types, and knows when each line came.
import { readFileSync } from 'node:fs';
import { Machine, type MachineEnd, type PcConfig } from '@proxeny/machine';
import { cpuModel } from '@proxeny/vcpu-x86';

const MIB = 1 << 20;
/** What a message about a guest that did not do what was expected shows of its output. */
const TAIL = 1500;

export interface GuestOptions extends Partial<Omit<PcConfig, 'image' | 'model' | 'memoryBytes'>> {
  /** A path, or the bytes. */
  readonly image: string | Uint8Array;
  /** Default: max. */
  readonly model?: string;
  /** Default: 256. */
  readonly memoryMib?: number;
}

/** How a shell command went. */
export interface CommandOutcome {
  /** Lines end with a line feed alone. */
  readonly output: string;
  readonly exitCode: number;
  /** From its first output line to its last, by the host's clock. */
  readonly seconds: number;
}

export class GuestConsole {
  readonly machine: Machine;
  /** Everything that left COM1, carriage returns dropped. */
  text = '';
  /** Everything that left the debug ports. */
  debugText = '';
  readonly ended: Promise<MachineEnd>;
  #read = 0;
  #commands = 0;
  #notify: (() => void) | null = null;
  readonly #lineTimes = new Map<string, number>();

  constructor(options: GuestOptions) {
    const { image, model = 'max', memoryMib = 256, ...rest } = options;
    const found = cpuModel(model);
    if (found === undefined) throw new Error(`there is no CPU model ${model}`);
    this.machine = new Machine({
      ...rest,
      image: typeof image === 'string' ? new Uint8Array(readFileSync(image)) : image,
      model: found,
      memoryBytes: memoryMib * MIB,
      onSerial: (index, byte) => {
        if (index === 0) this.#take(byte);
      },
      onDebug: (byte) => {
        this.debugText += String.fromCharCode(byte);
        this.#notify?.();
      },
    });
    this.ended = this.machine.run();
  }

  #take(byte: number): void {
    if (byte === 13) return;
    this.text += String.fromCharCode(byte);
    if (byte === 10) {
      const start = this.text.lastIndexOf('\n', this.text.length - 2) + 1;
      this.#lineTimes.set(this.text.slice(start, -1), performance.now());
    }
    this.#notify?.();
  }

  /** Waits until what came since the last wait matches; returns the match. The guest's end or the time limit is an error. */
  async waitFor(pattern: RegExp, seconds: number): Promise<RegExpExecArray> {
    return this.#wait(pattern, seconds, () => {
      const match = pattern.exec(this.text.slice(this.#read));
      if (match) this.#read += match.index + match[0].length;
      return match;
    });
  }
  /** The same for all that left the debug ports. */
  async waitForDebug(pattern: RegExp, seconds: number): Promise<RegExpExecArray> {
    return this.#wait(pattern, seconds, () => pattern.exec(this.debugText));
  }

  async #wait(
    pattern: RegExp,
    seconds: number,
    look: () => RegExpExecArray | null,
  ): Promise<RegExpExecArray> {
    let late = false;
    let ended: MachineEnd | null = null;
    const timer = setTimeout(() => {
      late = true;
      this.#notify?.();
    }, seconds * 1000);
    void this.ended.then((end) => {
      ended = end;
      this.#notify?.();
    });
    try {
      for (;;) {
        const match = look();
        if (match) return match;
        if (late || ended !== null) break;
        await new Promise<void>((resolve) => {
          this.#notify = resolve;
        });
        this.#notify = null;
      }
    } finally {
      clearTimeout(timer);
    }
    const why = ended ? `ended (${JSON.stringify(ended)})` : `took more than ${seconds} s`;
    this.machine.stop();
    throw new Error(`the guest ${why} before ${pattern}; its last output:\n${this.#tail()}`);
  }

  #tail(): string {
    return (this.text.slice(-TAIL) || this.debugText.slice(-TAIL)).replaceAll('\x1b', '^[');
  }

  type(text: string): void {
    this.machine.send(0, new TextEncoder().encode(text));
  }

  /** Runs a command in the guest's shell, by typing it. */
  async command(line: string, seconds = 60): Promise<CommandOutcome> {
    const id = ++this.#commands;
    // What is typed is echoed, so it must not look like what is waited for.
    this.type(`echo begin-$((${id})); ${line}; echo end-$((${id}))-$?\n`);
    const done = new RegExp(`^begin-${id}\\n([\\s\\S]*?)^end-${id}-(\\d+)\\n`, 'm');
    const [end, output, exitCode] = await this.waitFor(done, seconds);
    const last = end.slice(0, -1).split('\n').at(-1) ?? '';
    const time = (text: string): number => this.#lineTimes.get(text) ?? Number.NaN;
    const elapsedMs = time(last) - time(`begin-${id}`);
    return { output, exitCode: Number(exitCode), seconds: elapsedMs / 1000 };
  }
}
