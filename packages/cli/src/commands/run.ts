// `proxeny run`: a guest in the foreground.
import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { type Command, Option } from 'commander';
import { addBlockCacheOptions, type BlockCacheOptions, BlockCacheSession } from '../block-cache.js';
import { CommandError, usageError } from '../command-error.js';
import {
  addCompileOption,
  type CompileOptions,
  dismissCompiler,
  employCompiler,
} from '../compile-option.js';
import { sniffConfig } from '../config-file.js';
import { GuestControl } from '../guest-control.js';
import { addGuestOptions, collect, cpuOption, kernelArgument, oneOnly } from '../guest-options.js';
import type { GuestPlan, PlanWatchers, SingleOptions } from '../guest-plan.js';
import { GuestSession, type SessionOptions } from '../guest-session.js';
import { guestTypes } from '../guest-type.js';
import type { OpenTrace } from '../hypercall-trace.js';
import { readInputFile } from '../input-file.js';
import { openMeasurement } from '../measurement.js';
import { say } from '../messages.js';
import { parseDuration } from '../quantity.js';
import { expectStep, parseScript, pressStep, type ScriptStep, sendStep } from '../script.js';
import { planSingle } from '../single-plan.js';
import { statisticsFormats, statisticsText } from '../statistics.js';

interface RunOptions extends SingleOptions, BlockCacheOptions, CompileOptions {
  readonly config?: readonly string[];
  readonly console?: string;
  readonly serial: string;
  readonly stats?: string;
  readonly profile?: string;
  readonly symbols?: string;
  readonly debugcon: string;
  readonly timeout?: string;
  /** `--expect`, `--send`, `--press` and `--script` in the order in which they were written. */
  readonly expect?: readonly ScriptSource[];
  readonly reboot: boolean;
}

/** Options that say what a configuration file says of each of its domains. */
const describing = [
  ...(['kernel', 'builtin', 'firmware', 'initrd', 'module', 'append', 'memory'] as const),
  ...([
    'protocol',
    'type',
    'disk',
    'rng',
    'share',
    'vsock',
    'balloon',
    'display',
    'virtio',
    'net',
    'publish',
    'trace',
  ] as const),
];

type ScriptSource = {
  readonly option: 'expect' | 'send' | 'press' | 'script';
  readonly text: string;
};

const examples = `
Examples:
  proxeny run --builtin                                   two small guests of our own
  proxeny run vmlinuz --initrd initrd.gz --append console=ttyS0
  proxeny run vmlinuz -i initrd.gz -a console=ttyS0 --expect 'login: $' --timeout 2m
  proxeny run kernel.elf --expect '^# ' --send 'poweroff\\n'
  proxeny run --firmware bios.bin --debugcon stderr
  proxeny run machine.yaml --console web                  several domains in one machine

The guest's console (the first serial port, or a Xen guest's console) is this terminal: Ctrl-] leaves it, and the guest ends. Guest bytes go to stdout, messages to
stderr. Of several domains one is on the terminal; lines of the others have their names before them. --expect, --send, --press and --script make up one list of steps, in the order written: wait until the output matches a
regular expression, type text (\\n \\r \\t \\e \\xHH), press keys of the display's keyboard. When the last step is an --expect, its match ends the run.

Exit codes: 0 ok (power off, match), 1 failure, 2 usage, 3 the guest crashed, 4 file not found, 5 the name is in use,
124 timeout, 125 an error of the hypervisor, 128 + n ended by signal n; a code that the guest gives itself passes through.`;

export function addRunCommand(program: Command, finish: (exitCode: number) => void): void {
  const sources: ScriptSource[] = [];
  const step = (option: ScriptSource['option']) => (text: string) => {
    sources.push({ option, text });
    return sources;
  };
  const command = program.command('run').description('run a guest in the foreground');
  addCompileOption(addBlockCacheOptions(addGuestOptions(command)))
    .argument(
      '[file...]',
      `${kernelArgument}; or configuration files of domains: YAML, or xl's .cfg`,
    )
    .addOption(
      new Option(
        '--builtin [which]',
        'run built-in guests instead: pair, two domains that talk; or pc, a kernel for PCs',
      )
        .choices(['pair', 'pc'])
        .preset('pair'),
    )
    .option('--config <file>', 'the same as an argument; may be repeated', collect)
    .option('--console <name>', 'the domain on the terminal; default: the first one')
    .addOption(
      new Option(
        '--type <type>',
        'pc, or a guest of Xen: pv or pvh; auto: a PC, but for images that only Xen can start',
      )
        .choices(guestTypes)
        .default('auto'),
    )
    .option('--name <name>', 'name of a guest, by which xs, dmesg and balloon find it')
    .addOption(
      new Option(
        '--serial <where>',
        "the console: a PC's first serial port, or the console of a guest of Xen; hvc: a PC's virtio console, hvc0",
      )
        .choices(['stdio', 'hvc', 'none'])
        .default('stdio'),
    )
    .option(
      '--debugcon <where>',
      'bytes written to ports 0xE9 and 0x402: stderr, none or a file',
      'none',
    )
    .option(
      '-t, --timeout <duration>',
      'end the guest after this time, such as 90s or 5m, with code 124',
    )
    .option(
      '--disk <file[,options]>',
      'a disk image, raw or qcow2: a PC has it as vda, vdb…, a guest of Xen as xvda, xvdb…; options: ro, overlay (changes are thrown away), overlay=FILE (changes are kept in a qcow2 file), format=raw|qcow2; for Xen also cdrom, dev=xvdc',
      collect,
    )
    .option(
      '--share <folder:tag[,options]>',
      "a folder for a PC's guest, which mounts it: mount -t 9p -o trans=virtio TAG /mnt; may be repeated; options: ro, fs=virtiofs (mount -t virtiofs TAG /mnt), uid=HOST:GUEST[:COUNT] and gid=HOST:GUEST[:COUNT] (whose number stands for whose)",
      collect,
    )
    .option('--rng', "a virtio entropy device for a PC, which gives the host's randomness")
    .option(
      '--vsock <[cid:]path>',
      "vsock for a PC's guest: what connects to this Unix socket and sends CONNECT PORT reaches the guest, and the guest what listens at PATH_PORT; the guest's address: 3 if left out",
    )
    .option(
      '--balloon [size]',
      'a virtio balloon for a PC: the guest has so much of its memory, or all; proxeny balloon changes that while it runs',
    )
    .option(
      '--virtio <transport[,packed=off]>',
      "where a PC's virtio devices are: pci, or mmio, in memory, where ACPI says so; packed=off: with split rings only; default: pci",
    )
    .option(
      '--display <file[,size=WxH]>',
      'a virtio display and keyboard for a PC; its picture is written to this PNG file at the end, and at SIGUSR2',
    )
    .option(
      '--net <network[,options]>',
      'a network card; may be repeated. user: the host and what it reaches, without privileges (restrict=on: neither; host=off: not the host itself); switch=NAME: cards of this run; listen=ADDRESS:PORT and connect=ADDRESS:PORT (or unix:PATH): other processes, QEMU too (-netdev stream); none. Options of all: mac=…, capture=FILE (pcapng)',
      collect,
    )
    .option(
      '-p, --publish <[tcp|udp:][address:]port:port>',
      "a port of the host's that leads to the guest in its user network; address: 127.0.0.1 if left out; may be repeated",
      collect,
    )
    .option(
      '--trace <hypercalls[,file][,only=name]>',
      'hypercalls of a guest of Xen as lines of JSON, to a file or stderr; only=mmu_update or only=SCHEDOP_yield, may be repeated',
    )
    .option('-e, --expect <regex>', 'wait for output that matches; may be repeated', step('expect'))
    .option('--send <text>', 'then type this; may be repeated', step('send'))
    .option(
      '--press <keys>',
      "then press these keys of the display's keyboard: 'l s enter', 'leftctrl+c'; may be repeated",
      step('press'),
    )
    .option(
      '--script <file>',
      'a file with lines of expect REGEX, send TEXT, press KEYS, wait DURATION',
      step('script'),
    )
    .addOption(
      new Option(
        '--stats <format>',
        "at the end, print to stderr what the guest's CPUs did, and where the time went",
      ).choices(statisticsFormats),
    )
    .option(
      '--profile <file>',
      'at the end, write which functions of the guest took the time: for speedscope, or collapsed stacks if the name ends in .txt or .folded',
    )
    .option(
      '--symbols <file>',
      "names for --profile: a System.map, the guest's /proc/kallsyms, or an ELF file; default: the kernel's own, if it is an ELF file",
    )
    .option('--no-reboot', 'end with code 0 when the guest resets')
    .addHelpText('after', examples)
    .action(async (files: readonly string[], options: RunOptions) => {
      finish(await run(files, options, sources));
    });
}

/** @param files a kernel, or configuration files */
async function run(
  files: readonly string[],
  options: RunOptions,
  sources: readonly ScriptSource[],
): Promise<number> {
  const timeoutMs =
    options.timeout === undefined ? undefined : parseDuration(options.timeout, '--timeout');
  const steps = await scriptSteps(sources);
  if (steps.some(({ kind }) => kind === 'press') && options.display === undefined)
    throw usageError('keys are pressed on the keyboard of a display; add --display FILE');
  if (steps.length > 0 && options.serial === 'none')
    throw usageError(
      '--expect, --send, --press and --script need the serial port; leave out --serial none',
    );
  const control = new GuestControl();
  const trace = options.trace === undefined ? null : await traceTo(options.trace);
  const measurement = await openMeasurement(options);
  let plan: GuestPlan | null = null;
  let cache: BlockCacheSession | null = null;
  const helper = employCompiler(options);
  try {
    plan = await choosePlan(files, options, {
      onControl: (methods) => control.use(methods),
      ...(trace ? { observer: trace.observer } : {}),
      ...(measurement ? { sampler: measurement.sampler } : {}),
    });
    cache = new BlockCacheSession(options, plan.image);
    const session = new GuestSession({
      build: plan.build,
      input: process.stdin,
      output: process.stdout,
      serial: options.serial !== 'none',
      steps,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      endOnReset: !options.reboot,
      // A script types what there is to type.
      typeEndOfInput: options.builtin !== undefined && steps.length === 0,
      ...(await debugSink(options.debugcon)),
      say,
    });
    if (plan.hasControl) await control.open(options.name, say);
    const exitCode = await session.run();
    await plan.writeOutcome?.();
    if (options.stats !== undefined && session.statistics)
      process.stderr.write(`${statisticsText(session.statistics, options.stats)}\n`);
    await measurement?.end(files.length === 1 ? files[0] : options.kernel, say);
    return exitCode;
  } finally {
    await control.close();
    await plan?.close();
    await trace?.close();
    await dismissCompiler(helper);
    await cache?.end();
  }
}

async function traceTo(text: string): Promise<OpenTrace> {
  const { openTrace } = await import('../hypercall-trace.js');
  return await openTrace(text);
}

/** A kernel and its options, or configuration files and none of the options that describe a guest. */
async function choosePlan(
  files: readonly string[],
  options: RunOptions,
  watchers: PlanWatchers,
): Promise<GuestPlan> {
  const [first] = files;
  const isConfig = first !== undefined && (await sniffConfig(first)) !== null;
  const configs = [...(options.config ?? []), ...(isConfig ? files : [])];
  if (configs.length === 0) {
    if (files.length > 1)
      throw usageError(`two kernels: '${files[0]}' and '${files[1]}'; name one`);
    if (options.console !== undefined)
      throw usageError('--console is for the domains of configuration files');
    if (options.builtin !== 'pair') return await planSingle(first, options, watchers);
    if (first !== undefined) throw usageError(oneOnly);
    const { planPair } = await import('../pair-plan.js');
    return planPair(options, watchers);
  }
  if (!isConfig && first !== undefined)
    throw usageError(`'${first}' is no configuration file, and goes not with --config`);
  for (const name of describing) {
    const isGiven = name === 'type' ? options.type !== 'auto' : options[name] !== undefined;
    if (isGiven)
      throw usageError(`--${name} describes a guest; with a configuration file, write it there`);
  }
  const { planDomains } = await import('../domains-plan.js');
  return await planDomains({
    files: configs,
    model: cpuOption(options.cpu),
    reboot: options.reboot,
    watchers,
    ...(options.console === undefined ? {} : { console: options.console }),
  });
}

async function scriptSteps(sources: readonly ScriptSource[]): Promise<ScriptStep[]> {
  const steps: ScriptStep[] = [];
  for (const { option, text } of sources) {
    if (option === 'expect') steps.push(expectStep(text, '--expect'));
    else if (option === 'send') steps.push(sendStep(text, '--send'));
    else if (option === 'press') steps.push(pressStep(text, '--press'));
    else {
      const bytes = await readInputFile(text, 'script');
      steps.push(...parseScript(new TextDecoder().decode(bytes), text));
    }
  }
  return steps;
}

/** Where debug port bytes go, and when that must drain first. */
async function debugSink(where: string): Promise<Pick<SessionOptions, 'onDebug' | 'hold'>> {
  if (where === 'none') return {};
  const stream = where === 'stderr' ? process.stderr : await openOutput(where);
  let isLost = false;
  stream.on('error', (error) => {
    if (!isLost) say(`--debugcon: ${error.message}; the rest is dropped`);
    isLost = true;
  });
  const bytes: number[] = [];
  const flush = (): void => {
    if (bytes.length > 0 && !isLost) stream.write(Uint8Array.from(bytes));
    bytes.length = 0;
  };
  return {
    onDebug: (byte) => {
      if (bytes.length === 0) setImmediate(flush);
      bytes.push(byte);
      if (bytes.length >= 4096) flush();
    },
    hold: () =>
      isLost || !stream.writableNeedDrain
        ? null
        : once(stream, 'drain').then(
            () => {},
            () => {},
          ),
  };
}

async function openOutput(path: string): Promise<WriteStream> {
  const stream = createWriteStream(path);
  try {
    await once(stream, 'open');
  } catch (error) {
    throw new CommandError(`--debugcon '${path}' cannot be written: ${(error as Error).message}`);
  }
  return stream;
}
