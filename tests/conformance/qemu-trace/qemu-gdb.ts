// Starts QEMU stopped, with a gdb port on a private unix socket, and drives it step by step.
//
// QEMU holds interrupts and timers back while stepping (Qqemu.sstep: NOIRQ, NOTIMER), so a stepped
// machine is deterministic but waits for ever on a timer: run to a breakpoint past such code.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type CpuSnapshot, linearRip } from './cpu-snapshot.js';
import { GdbRemote } from './gdb-remote.js';
import type { LockStepReference } from './lock-step.js';
import { decodeRegisters, type RegisterLayout, readLayout } from './target-description.js';

export interface QemuOptions {
  readonly bits: 32 | 64;
  readonly kernel?: string;
  readonly initrd?: string;
  readonly append?: string;
  readonly bios?: string;
  readonly memoryMiB?: number;
  readonly cpu?: string;
  /** Further command-line arguments. */
  readonly arguments?: readonly string[];
  /** Default `qemu-system-i386` or `qemu-system-x86_64`, by `bits`. */
  readonly program?: string;
}

function commandLine(options: QemuOptions, socket: string): string[] {
  const option = (name: string, value: string | number | undefined): string[] =>
    value === undefined ? [] : [name, String(value)];
  return [
    ...['-accel', 'tcg', '-S', '-gdb', `unix:${socket},server=on,wait=off`],
    ...['-display', 'none', '-nodefaults', '-no-reboot'],
    ...option('-kernel', options.kernel),
    ...option('-initrd', options.initrd),
    ...option('-append', options.append),
    ...option('-bios', options.bios),
    ...option('-m', options.memoryMiB),
    ...option('-cpu', options.cpu),
    ...(options.arguments ?? []),
  ];
}

/** A QEMU machine under single-step control; `close` it in the end. */
export class QemuGdb implements LockStepReference {
  readonly #process: ChildProcess;
  readonly #remote: GdbRemote;
  readonly #layout: RegisterLayout;
  readonly #directory: string;

  private constructor(
    process: ChildProcess,
    remote: GdbRemote,
    layout: RegisterLayout,
    directory: string,
  ) {
    this.#process = process;
    this.#remote = remote;
    this.#layout = layout;
    this.#directory = directory;
  }

  /** @throws Error with QEMU's own words when it does not start */
  static async start(options: QemuOptions): Promise<QemuGdb> {
    const directory = mkdtempSync(join(tmpdir(), 'proxeny-qemu-'));
    const socket = join(directory, 'gdb');
    const program =
      options.program ?? (options.bits === 32 ? 'qemu-system-i386' : 'qemu-system-x86_64');
    const child = spawn(program, commandLine(options, socket), {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const killAtExit = (): void => void child.kill('SIGKILL');
    process.once('exit', killAtExit);
    child.once('exit', () => process.off('exit', killAtExit));
    let failure: string | undefined;
    let words = '';
    child.stderr.on('data', (text: Buffer) => {
      words = (words + text.toString()).slice(-4096);
    });
    child.once('error', (cause: NodeJS.ErrnoException) => {
      const hint = cause.code === 'ENOENT' ? 'install the Debian package qemu-system-x86' : '';
      failure = `cannot start ${program}: ${hint || cause.message}`;
    });
    child.once('exit', (code) => {
      failure ??= `${program} ended with code ${code}: ${words.trim()}`;
    });
    try {
      const remote = await connectWhenReady(socket, () => failure);
      const layout = await readLayout(remote);
      return new QemuGdb(child, remote, layout, directory);
    } catch (cause) {
      child.kill('SIGKILL');
      rmSync(directory, { recursive: true, force: true });
      throw cause;
    }
  }

  /** The registers now. */
  async snapshot(): Promise<CpuSnapshot> {
    return decodeRegisters(this.#layout, await this.#remote.expect('g'));
  }

  /** Executes one instruction (one iteration of a REP string) and returns the registers after. */
  async step(): Promise<CpuSnapshot> {
    this.#expectStop(await this.#remote.expect('s'));
    return this.snapshot();
  }

  /**
   * Runs freely until the instruction at a linear address is next; false after `timeoutMs`.
   * Interrupts and timers run meanwhile.
   */
  async runTo(address: bigint, timeoutMs = 30_000): Promise<boolean> {
    const place = `1,${address.toString(16)},1`; // a hardware breakpoint: no write into the guest
    await this.#remote.expect(`Z${place}`);
    const stopped = this.#remote.expect('c');
    const timer = new AbortController();
    const late = delay(timeoutMs, 'late', { signal: timer.signal }).catch(() => 'stopped');
    const inTime = (await Promise.race([stopped, late])) !== 'late';
    timer.abort();
    if (!inTime) this.#remote.interrupt();
    this.#expectStop(await stopped);
    await this.#remote.expect(`z${place}`);
    return inTime;
  }

  /** Reads memory at a linear address through the guest's paging; throws where it is unmapped. */
  async readMemory(address: bigint, byteLength: number): Promise<Uint8Array> {
    const parts: Buffer[] = [];
    for (let at = 0; at < byteLength; at += 1024) {
      const length = Math.min(1024, byteLength - at);
      const from = (address + BigInt(at)).toString(16);
      parts.push(Buffer.from(await this.#remote.expect(`m${from},${length.toString(16)}`), 'hex'));
    }
    return Uint8Array.from(Buffer.concat(parts));
  }

  async code(at: CpuSnapshot): Promise<Uint8Array> {
    try {
      return await this.readMemory(linearRip(at), 15);
    } catch {
      return new Uint8Array(0);
    }
  }

  /** Ends QEMU. */
  async close(): Promise<void> {
    this.#remote.close();
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const ended = new Promise((resolve) => this.#process.once('exit', resolve));
      this.#process.kill('SIGKILL');
      await ended;
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #expectStop(answer: string): void {
    if (!/^[TS]/.test(answer)) throw new Error(`QEMU did not stop but answered "${answer}"`);
  }
}

async function connectWhenReady(
  path: string,
  failure: () => string | undefined,
): Promise<GdbRemote> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const why = failure();
    if (why) throw new Error(why);
    try {
      return await GdbRemote.connect({ path });
    } catch {
      await delay(25);
    }
  }
  throw new Error('QEMU did not open its gdb socket within 5 s');
}
