// What `--stats` and `--profile` ask to be measured while a guest runs.
import { GuestSampler } from '@proxeny/machine/pc';
import { usageError } from './command-error.js';
import { openProfile } from './guest-profile.js';
import { readInputFile } from './input-file.js';
import { readSymbols, SymbolTable, symbolsOfKernel } from './symbol-table.js';

export interface MeasurementOptions {
  readonly stats?: string;
  readonly profile?: string;
  readonly symbols?: string;
}

export interface Measurement {
  readonly sampler: GuestSampler;
  /** Writes the profile, if one is wanted. `kernel`: the file whose symbols serve if no others are given. */
  end(kernel: string | undefined, say: (message: string) => void): Promise<void>;
}

/** Null: nothing is to be measured. @throws CommandError about files that cannot be read or written */
export async function openMeasurement(options: MeasurementOptions): Promise<Measurement | null> {
  const { stats, profile, symbols } = options;
  if (symbols !== undefined && profile === undefined)
    throw usageError('--symbols gives the names of --profile; give that too');
  if (stats === undefined && profile === undefined) return null;
  const given = symbols === undefined ? null : await readSymbols(symbols);
  const file = profile === undefined ? null : await openProfile(profile);
  const sampler = new GuestSampler(file !== null);
  const end: Measurement['end'] = async (kernel, say) => {
    if (!file) return;
    await file.close(sampler, given ?? (await kernelSymbols(kernel)));
    if (sampler.lostMs > 0)
      say(`--profile: the last ${Math.round(sampler.lostMs / 1000)} s found no room in it`);
  };
  return { sampler, end };
}

/** A configuration file, or a kernel that is gone meanwhile, has no symbols. */
async function kernelSymbols(kernel: string | undefined): Promise<SymbolTable> {
  if (kernel === undefined) return new SymbolTable();
  return readInputFile(kernel, 'kernel').then(symbolsOfKernel, () => new SymbolTable());
}
