// As what a kernel runs: a PC, or a guest of the microkernel that knows it is one.
import { ImageError, type PcConfig, sniffImage } from '@proxeny/machine/pc';
import type { XenGuestConfig, XenImage } from '@proxeny/machine/xen';
import { usageError } from './command-error.js';
import type { GuestOptions } from './guest-options.js';

export const guestTypes = ['auto', 'pc', 'pv', 'pvh'] as const;
export type GuestType = (typeof guestTypes)[number];

/** A type, and the image opened if it is one for Xen. */
export type ChosenType =
  | { readonly type: 'pc' }
  | { readonly type: 'pv' | 'pvh'; readonly image: XenImage };

/**
 * `auto`: a PC, but for images that only Xen can start.
 * @throws ImageError if it is to be a Xen guest and the image is none
 */
export async function chooseType(
  wanted: GuestType,
  bytes: Uint8Array,
  name: string,
): Promise<ChosenType> {
  if (wanted === 'pc') return { type: 'pc' };
  if (wanted === 'auto' && sniffImage(bytes, name) !== 'elf') return { type: 'pc' };
  const { openXenImage } = await import('@proxeny/machine/xen');
  if (wanted !== 'auto') return { type: wanted, image: openXenImage(bytes, name) };
  try {
    const image = openXenImage(bytes, name);
    return image.types.includes('pv') ? { type: 'pv', image } : { type: 'pc' };
  } catch (error) {
    if (error instanceof ImageError) return { type: 'pc' };
    throw error;
  }
}

/** A Xen guest from what the command line says of a PC. @throws CommandError for what it cannot have */
export function xenConfig(
  image: XenImage,
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
    type,
    image,
    memoryBytes: config.memoryBytes,
    model: config.model,
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(config.initrd ? { ramdisk: config.initrd } : {}),
    ...(config.commandLine === undefined ? {} : { commandLine: config.commandLine }),
  };
}
