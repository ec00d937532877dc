// `proxeny cpus`: the CPU models and what each of them has.
import { cpuModel, cpuModelNames } from '@proxeny/vcpu-x86';
import type { Command } from 'commander';

export function addCpusCommand(program: Command, finish: (exitCode: number) => void): void {
  program
    .command('cpus')
    .description('list the CPU models and their features')
    .action(() => {
      let before: ReadonlySet<string> = new Set();
      for (const name of cpuModelNames) {
        const features = cpuModel(name)?.features ?? new Set<string>();
        const added = [...features].filter((feature) => !before.has(feature));
        const isMore = before.size > 0 && [...before].every((feature) => features.has(feature));
        console.log(
          `${name.padEnd(12)}${isMore ? '+ ' : ''}${(isMore ? added : [...features]).join(' ')}`,
        );
        before = features;
      }
      finish(0);
    });
}
