// `proxeny dmesg`: what the hypervisor of a running machine has to say.
import type { Command } from 'commander';
import { addMachineOption, type MachineOptions, withMachine } from '../running-machine.js';

interface DmesgOptions extends MachineOptions {
  readonly clear?: true;
}

export function addDmesgCommand(program: Command): void {
  addMachineOption(program.command('dmesg'))
    .description("print the hypervisor's messages, and what domains print to it")
    .option('-c, --clear', 'and forget them')
    .action(async (options: DmesgOptions) => {
      const text = await withMachine(options, (client) =>
        client.call('log.read', { clear: options.clear === true }),
      );
      process.stdout.write(String(text));
    });
}
