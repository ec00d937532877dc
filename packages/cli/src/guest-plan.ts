// GuestPlan: what `run` is to run, read and checked, before anything is built.
import { hashOf, openXenImage, type PcConfig, type XenImage } from '@proxeny/machine';
import type { ImageIdentity } from './block-cache.js';
import { usageError } from './command-error.js';
import { openDisks } from './disk-option.js';
import { type GuestBuilder, pcGuest, xenGuest } from './foreground-guest.js';
import type { OnControl } from './guest-control.js';
import { type GuestOptions, guestConfig } from './guest-options.js';
import { chooseType, type GuestType, xenConfig } from './guest-type.js';
import { openTrace } from './hypercall-trace.js';

export interface GuestPlan {
  readonly build: GuestBuilder;
  readonly image: ImageIdentity;
  /** Whether other commands can ask it (`proxeny xs`). */
  readonly hasControl: boolean;
  /** Lets go of what was opened. */
  close(): Promise<void>;
}

export interface SingleOptions extends GuestOptions {
  readonly type: GuestType;
  readonly name?: string;
  readonly disk?: readonly string[];
  readonly trace?: string;
}

/** One guest, which the command line describes. @throws CommandError, ImageError */
export async function planSingle(
  kernel: string | undefined,
  options: SingleOptions,
  onControl: OnControl,
): Promise<GuestPlan> {
  // The first one is read here, to complain about the command line before anything else happens.
  let first: PcConfig | null = await guestConfig(kernel, options);
  const identity = { hash: hashOf(first.image), name: first.imageName ?? 'the kernel' };
  const chosen = chooseType(options.type, first.image, first.imageName ?? 'the kernel');
  const config = async (): Promise<PcConfig> => {
    const known = first;
    first = null;
    return known ?? guestConfig(kernel, options);
  };
  const { type } = chosen;
  if (type === 'pc') {
    if (options.disk !== undefined)
      throw usageError('--disk is for guests of Xen; a PC has no disks yet');
    if (options.trace !== undefined)
      throw usageError('--trace hypercalls is for guests of Xen; a PC makes none');
    if (options.name !== undefined)
      throw usageError('--name is for guests of Xen; a PC answers no questions yet');
    return { build: pcGuest(config), image: identity, hasControl: false, close: async () => {} };
  }
  let image: XenImage | null = chosen.image;
  const disks = await openDisks(options.disk ?? []);
  const trace = options.trace === undefined ? null : await openTrace(options.trace);
  const build = xenGuest(
    async () => {
      const pc = await config();
      const opened = image ?? openXenImage(pc.image, pc.imageName ?? 'the kernel');
      image = null;
      return {
        ...xenConfig(opened, pc, options, type),
        disks: disks.disks,
        ...(trace ? { observer: trace.observer } : {}),
      };
    },
    (guest) => onControl(guest.control),
  );
  return {
    build,
    image: identity,
    hasControl: true,
    close: async () => {
      await disks.close();
      await trace?.close();
    },
  };
}
