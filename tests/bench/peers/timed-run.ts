// One run of an engine: when each line of its serial port came.
import { spawn } from 'node:child_process';

/** Host time of a line, in ms since the engine was started. */
export interface TimedLine {
  readonly text: string;
  readonly ms: number;
}

export interface TimedRun {
  readonly lines: readonly TimedLine[];
  /** Why it ended before its last line; null: it did not. */
  readonly failure: string | null;
}

/** Runs until a line holds `last`, then ends the engine. */
export function timedRun(
  command: readonly string[],
  last: string,
  limitMs: number,
): Promise<TimedRun> {
  const [program = '', ...args] = command;
  return new Promise((resolve) => {
    const started = performance.now();
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const lines: TimedLine[] = [];
    let [rest, complaint] = ['', ''];
    const end = (failure: string | null): void => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      resolve({ lines, failure });
    };
    const fail = (how: string): void => {
      const said = complaint.trim().split('\n').at(-1) ?? '';
      end(`${how} before '${last}'; the last line was '${lines.at(-1)?.text ?? ''}'. ${said}`);
    };
    const timer = setTimeout(() => fail(`${limitMs / 1000} s passed`), limitMs);
    child.stderr.setEncoding('latin1').on('data', (text: string) => {
      complaint = (complaint + text).slice(-4096);
    });
    child.stdout.setEncoding('latin1').on('data', (text: string) => {
      const ms = performance.now() - started;
      const parts = (rest + text).split('\n');
      rest = parts.pop() ?? '';
      for (const part of parts) lines.push({ text: part.trimEnd(), ms });
      if (parts.some((part) => part.includes(last))) end(null);
    });
    child.on('error', (error) => fail(error.message));
    child.on('close', (code) => fail(`it ended with ${code}`));
  });
}
