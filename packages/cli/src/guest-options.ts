// What describes a guest on the command line, for every command that builds one: from options to the machine's configuration.
import { basename } from 'node:path';
import {
  type BootModule,
  type BootProtocol,
  ConfigError,
  checkMemoryBytes,
  type PcConfig,
  sniffImage,
} from '@proxeny/machine/pc';
import { cpuModel, cpuModelNames } from '@proxeny/vcpu-x86';
import type { Command } from 'commander';
import { usageError } from './command-error.js';
import { readInputFile } from './input-file.js';
import { parseSize } from './quantity.js';

const DEFAULT_MEMORY = '256M';
const protocols: readonly BootProtocol[] = ['linux32', 'linux64', 'pvh', 'multiboot', 'elf'];

/** Options as commander parses them. */
export interface GuestOptions {
  readonly kernel?: string;
  /** `pc`, `pair`; true: whichever the command has. */
  readonly builtin?: true | string;
  readonly firmware?: string;
  readonly initrd?: string;
  readonly module?: readonly string[];
  readonly append?: string;
  readonly memory?: string;
  readonly cpu: string;
  readonly protocol?: string;
}

/** For options that may be repeated. */
export const collect = (value: string, all: readonly string[] = []): readonly string[] => [
  ...all,
  value,
];

/** A complaint. */
export const oneOnly = 'a kernel, --firmware and --builtin exclude each other; name one';

/** What a command's argument is, for its help. */
export const kernelArgument = 'the kernel: bzImage, Multiboot, PVH or plain ELF, also compressed';

/** Adds the options of {@link GuestOptions}. */
export function addGuestOptions(command: Command): Command {
  return command
    .option('-k, --kernel <file>', 'the same as the argument')
    .option('--firmware <file>', 'run raw firmware such as SeaBIOS instead')
    .option('-i, --initrd <file>', 'initial RAM disk')
    .option(
      '--module <file[,text]>',
      'Multiboot or PVH module and its text; may be repeated',
      collect,
    )
    .option('-a, --append <text>', "the kernel's command line")
    .option('-m, --memory <size>', `RAM, such as 64M or 2G; default: ${DEFAULT_MEMORY}`)
    .option(
      '-c, --cpu <model>',
      `one of ${cpuModelNames.join(', ')}; more with +feature, less with -feature`,
      'max',
    )
    .option(
      '--protocol <name>',
      `how to enter the kernel: ${protocols.join(', ')}; default: what suits it`,
    );
}

/**
 * Reads every file and checks every value.
 * @throws CommandError, or ImageError when a file is not what it should be
 */
export async function guestConfig(
  argument: string | undefined,
  options: GuestOptions,
): Promise<PcConfig> {
  if (argument !== undefined && options.kernel !== undefined)
    throw usageError(`two kernels: '${argument}' and --kernel '${options.kernel}'; name one`);
  const kernel = argument ?? options.kernel;
  const isBuiltin = options.builtin !== undefined;
  const named = [kernel !== undefined, isBuiltin, options.firmware !== undefined];
  const count = named.filter(Boolean).length;
  if (count === 0) throw usageError('nothing to run; name a kernel, --firmware or --builtin');
  if (count > 1) throw usageError(oneOnly);
  if (options.firmware !== undefined) refuseKernelOptions(options);

  const memoryBytes = pcMemory(options);
  const model = cpuOption(options.cpu);
  const protocol = protocolOption(options.protocol);
  const image = await imageOf(kernel, options);
  const initrd =
    options.initrd === undefined ? undefined : await readInputFile(options.initrd, 'initrd');
  const modules: BootModule[] = [];
  for (const text of options.module ?? []) modules.push(await moduleOption(text));
  const isFirmware =
    options.firmware !== undefined || sniffImage(image.bytes, image.name) === 'firmware';
  const chosen = isFirmware ? 'firmware' : protocol;
  return {
    image: image.bytes,
    imageName: image.name,
    memoryBytes,
    model,
    ...(chosen === undefined ? {} : { protocol: chosen }),
    ...(initrd === undefined ? {} : { initrd }),
    ...(modules.length === 0 ? {} : { modules }),
    ...(options.append === undefined ? {} : { commandLine: options.append }),
  };
}

/** Firmware boots what it finds itself. */
function refuseKernelOptions(options: GuestOptions): void {
  const { initrd, append, protocol, module } = options;
  for (const [name, value] of Object.entries({ initrd, append, protocol, module: module?.[0] }))
    if (value !== undefined)
      throw usageError(`--${name} is for kernels; it goes not with --firmware`);
}

async function imageOf(
  kernel: string | undefined,
  options: GuestOptions,
): Promise<{ bytes: Uint8Array; name: string }> {
  if (kernel !== undefined)
    return { bytes: await readInputFile(kernel, 'kernel'), name: basename(kernel) };
  if (options.firmware !== undefined)
    return {
      bytes: await readInputFile(options.firmware, 'firmware'),
      name: basename(options.firmware),
    };
  const { assembleHelloKernel } = await import('@proxeny/pv-guest');
  return { bytes: assembleHelloKernel(), name: 'the built-in guest' };
}

/** RAM of a PC, in bytes. @throws CommandError */
export function pcMemory({ memory = DEFAULT_MEMORY }: GuestOptions): number {
  return memoryOption(memory);
}

/** @throws CommandError */
export function memoryOption(text: string): number {
  const memoryBytes = parseSize(text, '--memory');
  try {
    checkMemoryBytes(memoryBytes);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw usageError(`--memory '${text}': ${error.message}`);
  }
  return memoryBytes;
}

/** `name`, `name,+feature,-feature`. @throws CommandError */
export function cpuOption(text: string): PcConfig['model'] {
  const [name = '', ...changes] = text.split(',');
  const model = cpuModel(name, changes);
  if (model === undefined)
    throw usageError(`--cpu '${name}' is not known; the models are ${cpuModelNames.join(', ')}`);
  const known = cpuModel('max')?.features;
  for (const change of changes)
    if (!/^[+-]/.test(change) || !known?.has(change.slice(1)))
      throw usageError(
        `--cpu '${text}': '${change}' is no known feature with + or - before it; 'proxeny cpus' lists them`,
      );
  return model;
}

function protocolOption(text: string | undefined): BootProtocol | undefined {
  if (text === undefined) return undefined;
  const protocol = protocols.find((name) => name === text);
  if (protocol === undefined)
    throw usageError(`--protocol '${text}' is not known; use one of ${protocols.join(', ')}`);
  return protocol;
}

/** `file` or `file,text`; a comma in the file's own name cannot be written. */
async function moduleOption(text: string): Promise<BootModule> {
  const comma = text.indexOf(',');
  const path = comma < 0 ? text : text.slice(0, comma);
  const bytes = await readInputFile(path, 'module');
  return comma < 0 ? { bytes } : { bytes, commandLine: text.slice(comma + 1) };
}
