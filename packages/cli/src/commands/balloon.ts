// `proxeny balloon`: how much of its memory a running PC is left with.
import type { Command } from 'commander';
import { balloonBytes } from '../balloon-option.js';
import { addMachineOption, type MachineOptions, withMachine } from '../running-machine.js';

/** The guest answers when it gets to it; one without a driver does not. */
const ANSWER_MS = 2000;

/** What `balloon.read` answers. */
interface BalloonSizes {
  readonly memoryBytes: number;
  readonly targetBytes: number;
  readonly actualBytes: number;
}

export function addBalloonCommand(program: Command): void {
  addMachineOption(program.command('balloon [size]'))
    .description(
      'show how much of its memory a PC with --balloon has, or ask it to make do with SIZE',
    )
    .action(async (size: string | undefined, options: MachineOptions) => {
      const lines = await withMachine(options, async (client) => {
        const sizes = (await client.call('balloon.read', {})) as BalloonSizes;
        if (size === undefined) {
          const signal = AbortSignal.timeout(ANSWER_MS);
          const statistics = await client.call('balloon.statistics', {}, undefined, signal);
          return [...sizeLines(sizes), ...statisticsLines(statistics)];
        }
        const targetBytes = balloonBytes(size, 'balloon', sizes.memoryBytes);
        await client.call('balloon.set', { targetBytes });
        return [];
      });
      for (const line of lines) process.stdout.write(`${line}\n`);
    });
}

function sizeLines({ memoryBytes, targetBytes, actualBytes }: BalloonSizes): string[] {
  return [
    line('memoryBytes', memoryBytes),
    line('wishedForBytes', memoryBytes - targetBytes),
    line('actualBytes', memoryBytes - actualBytes),
  ];
}

function statisticsLines(statistics: unknown): string[] {
  if (statistics === null) return ['the guest does not say more'];
  return Object.entries(statistics as object).map(([name, value]) => line(name, Number(value)));
}

/** `freeBytes` as `free 12M`. */
function line(name: string, value: number): string {
  const words = name
    .replace(/Bytes$/, '')
    .replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  const text = name.endsWith('Bytes') ? `${Math.round(value / 2 ** 20)}M` : String(value);
  return `${words.padEnd(22)}${text}`;
}
