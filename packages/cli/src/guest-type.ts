// As what a kernel runs: a PC, or a guest of the microkernel that knows it is one.
import {
  ImageError,
  openXenImage,
  type PcConfig,
  sniffImage,
  type XenGuestConfig,
} from '@proxeny/machine';
import { usageError } from './command-error.js';
import type { GuestOptions } from './guest-options.js';

export const guestTypes = ['auto', 'pc', 'pv', 'pvh'] as const;
export type GuestType = (typeof guestTypes)[number];

/** `auto`: a PC, but for images that only Xen can start. */
export function chooseType(
  wanted: GuestType,
  image: Uint8Array,
  name: string,
): 'pc' | 'pv' | 'pvh' {
  if (wanted !== 'auto') return wanted;
  if (sniffImage(image, name) !== 'elf') return 'pc';
  try {
    return openXenImage(image, name).types.includes('pv') ? 'pv' : 'pc';
  } catch (error) {
    if (error instanceof ImageError) return 'pc';
    throw error;
  }
}

/** A Xen guest from what the command line says of a PC. @throws CommandError for what it cannot have */
export function xenConfig(
  config: PcConfig,
  options: GuestOptions & { readonly name?: string },
  type: 'pv' | 'pvh',
): XenGuestConfig {
  const refused: Readonly<Record<string, unknown>> = {
    builtin: options.builtin,
    firmware: options.firmware,
    protocol: options.protocol,
    module: options.module?.[0],
  };
  for (const [name, value] of Object.entries(refused))
    if (value !== undefined)
      throw usageError(`--${name} is for PCs; it goes not with --type ${type}`);
  return {
    image: config.image,
    imageName: config.imageName ?? 'the kernel',
    memoryBytes: config.memoryBytes,
    model: config.model,
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(config.initrd ? { ramdisk: config.initrd } : {}),
    ...(config.commandLine === undefined ? {} : { commandLine: config.commandLine }),
  };
}
