// `proxeny xs`: looks into the xenstore of a running machine and changes it, as xenstore-ls and its siblings do.
import type { ControlClient } from '@proxeny/machine/pc';
import type { StoreEntry } from '@proxeny/machine/xen';
import type { Command } from 'commander';
import { CommandError, usageError } from '../command-error.js';
import { EXIT_NOT_FOUND } from '../exit-code.js';
import { parseCount } from '../quantity.js';
import { addMachineOption, type MachineOptions, withMachine } from '../running-machine.js';

interface ListOptions extends MachineOptions {
  readonly full?: true;
  readonly permissions?: true;
}
interface ReadOptions extends MachineOptions {
  readonly raw?: true;
}
interface WatchOptions extends MachineOptions {
  readonly count?: string;
}

const help = `
Examples:
  proxeny xs ls /local/domain/1
  proxeny xs read /local/domain/1/name
  proxeny xs write /local/domain/1/control/shutdown poweroff
  proxeny xs watch -n 3 /local/domain/1/device`;

export function addXsCommand(program: Command): void {
  const xs = program
    .command('xs')
    .description("read, write and watch a running machine's xenstore")
    .addHelpText('after', help);
  addMachineOption(xs.command('ls'))
    .description('list a node and all below it')
    .argument('[path]', 'where to start', '/')
    .option('-f, --full', 'whole paths')
    .option('-p, --permissions', 'permissions too')
    .action((path: string, options: ListOptions) => list(path, options));
  addMachineOption(xs.command('read'))
    .description('print values, a line each')
    .argument('<path...>', 'the nodes')
    .option('--raw', 'the bytes as they are, without line ends')
    .action((paths: readonly string[], options: ReadOptions) => read(paths, options));
  addMachineOption(xs.command('write'))
    .description('set values')
    .argument('<path-value...>', 'a path, its value, another path, ...')
    .action((pairs: readonly string[], options: MachineOptions) => write(pairs, options));
  addMachineOption(xs.command('watch'))
    .description('print the paths of changes as they happen')
    .argument('<path...>', 'the nodes; changes below count')
    .option('-n, --count <number>', 'end after so many')
    .action((paths: readonly string[], options: WatchOptions) => watch(paths, options));
}

async function list(path: string, options: ListOptions): Promise<void> {
  const entries = (await withMachine(options, (client) => client.call('xs.tree', { path }))) as
    | readonly StoreEntry[]
    | null;
  if (!entries) throw missing(path);
  const [top, ...below] = entries;
  let text = '';
  const prefix = top?.path === '/' ? 1 : (top?.path.length ?? 0) + 1;
  for (const { path: at, value, permissions } of below) {
    const parts = at.slice(prefix).split('/');
    const name = options.full ? at : ' '.repeat(parts.length - 1) + parts.at(-1);
    text += `${name} = "${escapeValue(value)}"`;
    text += options.permissions ? `   (${permissions.join(',')})\n` : '\n';
  }
  process.stdout.write(text);
}

async function read(paths: readonly string[], options: ReadOptions): Promise<void> {
  const values = await withMachine(options, (client) =>
    Promise.all(paths.map((path) => client.call('xs.read', { path }) as Promise<string | null>)),
  );
  for (const [index, value] of values.entries()) {
    if (value === null) throw missing(paths[index] as string);
    if (options.raw) process.stdout.write(Buffer.from(value, 'latin1'));
    else process.stdout.write(`${escapeValue(value)}\n`);
  }
}

async function write(pairs: readonly string[], options: MachineOptions): Promise<void> {
  if (pairs.length % 2 !== 0)
    throw usageError(`'${pairs.at(-1)}' has no value; write a value after each path`);
  await withMachine(options, async (client) => {
    for (let i = 0; i < pairs.length; i += 2) {
      const value = Buffer.from(pairs[i + 1] as string).toString('latin1');
      await client.call('xs.write', { path: pairs[i], value });
    }
  });
}

async function watch(paths: readonly string[], options: WatchOptions): Promise<void> {
  const { count } = options;
  let left = count === undefined ? Number.POSITIVE_INFINITY : parseCount(count, '--count');
  if (left === 0) throw usageError('--count must be more than 0');
  const enough = new AbortController();
  const heard = (path: unknown): void => {
    if (left <= 0) return;
    left--;
    process.stdout.write(`${String(path)}\n`);
    if (left === 0) enough.abort();
  };
  const watchAll = (client: ControlClient): Promise<unknown> =>
    Promise.all(paths.map((path) => client.call('xs.watch', { path }, heard, enough.signal)));
  await withMachine(options, watchAll);
}

function missing(path: string): CommandError {
  return new CommandError(`there is no '${path}' in the store`, EXIT_NOT_FOUND);
}

/** Printable ASCII as it is, other bytes as in C: a guest's value must not command the terminal. */
function escapeValue(value: string): string {
  const named: Readonly<Record<string, string>> = {
    '\n': '\\n',
    '\r': '\\r',
    '\t': '\\t',
    '\\': '\\\\',
  };
  return value.replace(
    /[^ -~]|\\/g,
    (byte) => named[byte] ?? `\\${byte.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );
}
