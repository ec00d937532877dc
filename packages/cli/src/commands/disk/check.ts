// `proxeny disk check`: whether an image's tables agree with one another.
import { checkQcow2, type Qcow2CheckResult, repairRefcounts } from '@proxeny/machine/pc';
import type { Command } from 'commander';
import { EXIT_FAILURE, EXIT_OK } from '../../exit-code.js';
import { say } from '../../messages.js';
import { withQcow2 } from './qcow2-action.js';

interface CheckOptions {
  readonly repair?: true;
  readonly json?: true;
}

export function addCheckVerb(disk: Command, finish: (exitCode: number) => void): void {
  disk
    .command('check')
    .description('check the tables of a qcow2 image; code 1 if something in it may be wrong')
    .argument('<file>')
    .option('--repair', 'count all clusters anew; what is referred to twice or not there stays so')
    .option('--json', 'print JSON')
    .action(async (path: string, options: CheckOptions) => {
      const result = await withQcow2(path, !options.repair, async (image) => {
        if (options.repair) await repairRefcounts(image);
        return checkQcow2(image);
      });
      if (options.json)
        process.stdout.write(`${JSON.stringify({ apiVersion: 1, ...result }, null, 1)}\n`);
      else print(path, result);
      finish(result.corruptionCount > 0 ? EXIT_FAILURE : EXIT_OK);
    });
}

function print(path: string, result: Qcow2CheckResult): void {
  const { corruptions, corruptionCount, leakedClusters } = result;
  for (const what of corruptions) say(`${path}: ${what}`);
  if (corruptionCount > corruptions.length)
    say(`${path}: and ${corruptionCount - corruptions.length} more`);
  const share = `${result.allocatedClusters + result.compressedClusters} of ${result.totalClusters} clusters hold data`;
  const leaks = `${leakedClusters} clusters are lost (--repair brings them back)`;
  process.stdout.write(
    corruptionCount > 0
      ? `${corruptionCount} faults; ${leaks}\n`
      : `no faults; ${leakedClusters > 0 ? `${leaks}; ` : ''}${share}\n`,
  );
}
