// The command line: commands and options, and every error as one line on stderr with an exit code. The only place that catches all.
import { BlockError, ConfigError, ImageError } from '@proxeny/machine/pc';
import { Command, CommanderError } from 'commander';
import { exitCodeOf } from './block-failure.js';
import { CommandError } from './command-error.js';
import { addBalloonCommand } from './commands/balloon.js';
import { addCacheCommand } from './commands/cache.js';
import { addCpusCommand } from './commands/cpus.js';
import { addDisassembleCommand } from './commands/disassemble.js';
import { addDiskCommand } from './commands/disk.js';
import { addDmesgCommand } from './commands/dmesg.js';
import { addRunCommand } from './commands/run.js';
import { addTraceCommand } from './commands/trace.js';
import { addXsCommand } from './commands/xs.js';
import { EXIT_FAILURE, EXIT_HYPERVISOR, EXIT_OK, EXIT_USAGE } from './exit-code.js';
import { say } from './messages.js';
import { packageVersion } from './version.js';

const examples = `
Examples:
  proxeny run --builtin                                   try it: two small guests of our own
  proxeny run vmlinuz --initrd initrd.gz --append console=ttyS0
  proxeny trace --builtin --count 20                      what the first instructions of one for PCs do
  echo 0f 05 | proxeny disassemble -

'proxeny help run' has all options of run, and the exit codes.`;

/**
 * Does what `args` (without node and script) say.
 * @returns the exit code; never throws and never exits by itself
 */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  let exitCode = EXIT_OK;
  const finish = (code: number): void => {
    exitCode = code;
  };
  const program = new Command('proxeny')
    .description('Runs x86 guests on plain Node.js.')
    .version(packageVersion(), '-V, --version')
    .helpOption('-h, --help', 'show help')
    .addHelpText('after', examples);
  addRunCommand(program, finish);
  addTraceCommand(program, finish);
  addCacheCommand(program, finish);
  addDiskCommand(program, finish);
  addDisassembleCommand(program, finish);
  addCpusCommand(program, finish);
  addXsCommand(program);
  addBalloonCommand(program);
  addDmesgCommand(program);
  prepare(program);
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    return report(error);
  }
}

/** Settings of a command and all below it. */
function prepare(command: Command): void {
  // Its own way of reporting errors is several lines long and exits.
  command.exitOverride().configureOutput({ outputError: () => {} });
  command.helpOption('-h, --help', 'show help');
  for (const below of command.commands) prepare(below);
}

function report(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT_OK;
    if (error.code !== 'commander.help') say(`${commanderText(error.message)}; see proxeny --help`);
    return EXIT_USAGE;
  }
  if (error instanceof CommandError) {
    say(error.message);
    return error.exitCode;
  }
  if (error instanceof BlockError) {
    say(error.message);
    return exitCodeOf(error);
  }
  if (error instanceof ImageError || error instanceof ConfigError) {
    say(error.message);
    return EXIT_FAILURE;
  }
  if (error instanceof RangeError && /memory/i.test(error.message)) {
    say(`this host cannot provide the guest's memory (${error.message}); use a smaller --memory`);
    return EXIT_FAILURE;
  }
  const text = error instanceof Error ? error.message : String(error);
  say(`internal error: ${text}; this is a bug of Proxeny (PROXENY_DEBUG=1 shows where)`);
  if (process.env.PROXENY_DEBUG === '1' && error instanceof Error)
    process.stderr.write(`${error.stack}\n`);
  return EXIT_HYPERVISOR;
}

/** `error: unknown option '--x'\n(Did you mean --y?)` as part of one line. */
function commanderText(message: string): string {
  return message
    .replace(/^error: /, '')
    .replace(/\s*\n\(Did you mean (.*)\?\)/s, ' (did you mean $1?)')
    .replace(/\.$/, '');
}
