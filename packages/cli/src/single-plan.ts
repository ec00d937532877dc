// The plan of one guest, which the command line describes. What only guests of Xen need is loaded for those.
import { hashOf, type PcConfig } from '@proxeny/machine/pc';
import { guestConfig } from './guest-options.js';
import type { GuestPlan, PlanWatchers, SingleOptions } from './guest-plan.js';
import { chooseType } from './guest-type.js';
import { openNetworks } from './network-option.js';
import { planPc } from './pc-plan.js';

/** @throws CommandError, ImageError */
export async function planSingle(
  kernel: string | undefined,
  options: SingleOptions,
  watchers: PlanWatchers,
): Promise<GuestPlan> {
  // The first one is read here, to complain about the command line before anything else happens.
  let first: PcConfig | null = await guestConfig(kernel, options);
  const identity = { hash: hashOf(first.image), name: first.imageName ?? 'the kernel' };
  const chosen = await chooseType(options.type, first.image, first.imageName ?? 'the kernel');
  const config = async (): Promise<PcConfig> => {
    const known = first;
    first = null;
    return known ?? guestConfig(kernel, options);
  };
  const networks = await openNetworks(options.net ?? [], options.publish ?? []);
  const guest = { options, identity, config, networks };
  try {
    if (chosen.type === 'pc') return await planPc(guest, watchers);
    const { planXen } = await import('./xen-plan.js');
    return await planXen(guest, chosen, watchers);
  } catch (error) {
    networks.close();
    throw error;
  }
}
