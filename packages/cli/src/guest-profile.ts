// `--profile FILE`: where the guest spent its time, for speedscope (https://www.speedscope.app/file-format-schema.json), or as collapsed
// stacks for flame graphs. A sample's stack is kernel or user, function, tier.
import { type FileHandle, open } from 'node:fs/promises';
import type { GuestSample, GuestSampler } from '@proxeny/machine/pc';
import { CommandError } from './command-error.js';
import type { SymbolTable } from './symbol-table.js';

const PAGE = 4096;
const SCHEMA = 'https://www.speedscope.app/file-format-schema.json';

/** Files with these ends get collapsed stacks. */
const isCollapsed = (path: string): boolean => /\.(txt|folded|collapsed)$/.test(path);

export interface OpenProfile {
  /** Writes the profile. */
  close(sampler: GuestSampler, symbols: SymbolTable): Promise<void>;
}

/** Opens the file before the guest runs. @throws CommandError if it cannot be written */
export async function openProfile(path: string): Promise<OpenProfile> {
  let file: FileHandle;
  try {
    file = await open(path, 'w');
  } catch (error) {
    throw new CommandError(`--profile '${path}' cannot be written: ${(error as Error).message}`);
  }
  return {
    close: async (sampler, symbols) => {
      const { samples } = sampler;
      await file.writeFile(
        isCollapsed(path) ? collapsedStacks(samples, symbols) : speedscope(samples, symbols),
      );
      await file.close();
    },
  };
}

/** Outermost first. */
function stackOf({ address, isUser, tier }: GuestSample, symbols: SymbolTable): string[] {
  const where = isUser ? 'user' : 'kernel';
  const name = isUser ? null : symbols.nameOf(address);
  return [
    where,
    name ?? `${where} page ${hex(address - (((address % PAGE) + PAGE) % PAGE))}`,
    tier,
  ];
}

const hex = (address: number): string => `0x${BigInt.asUintN(64, BigInt(address)).toString(16)}`;

/** Lines of `kernel;function;tier microseconds`, most first. */
export function collapsedStacks(samples: readonly GuestSample[], symbols: SymbolTable): string {
  const byStack = new Map<string, number>();
  for (const sample of samples) {
    const stack = stackOf(sample, symbols).join(';');
    byStack.set(stack, (byStack.get(stack) ?? 0) + sample.ms);
  }
  return [...byStack]
    .sort(([, a], [, b]) => b - a)
    .map(([stack, ms]) => `${stack} ${Math.round(ms * 1000)}\n`)
    .join('');
}

export function speedscope(samples: readonly GuestSample[], symbols: SymbolTable): string {
  const frames: { name: string }[] = [];
  const byName = new Map<string, number>();
  const frameOf = (name: string): number => {
    const known = byName.get(name);
    if (known !== undefined) return known;
    byName.set(name, frames.length);
    return frames.push({ name }) - 1;
  };
  const stacks = samples.map((sample) => stackOf(sample, symbols).map(frameOf));
  const weights = samples.map(({ ms }) => ms);
  const endValue = weights.reduce((sum, ms) => sum + ms, 0);
  const profile = {
    ...{ type: 'sampled', name: 'the guest', unit: 'milliseconds', startValue: 0, endValue },
    ...{ samples: stacks, weights },
  };
  return JSON.stringify({
    $schema: SCHEMA,
    exporter: 'proxeny',
    shared: { frames },
    profiles: [profile],
  });
}
