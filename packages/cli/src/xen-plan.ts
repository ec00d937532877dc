// The plan of one guest of Xen.
import { openXenImage, type XenImage } from '@proxeny/machine/xen';
import { usageError } from './command-error.js';
import { openDisks } from './disk-option.js';
import { xenGuest } from './foreground-domains.js';
import type { GuestPlan, PlanWatchers, SingleGuest } from './guest-plan.js';
import { type ChosenType, xenConfig } from './guest-type.js';

/** @throws CommandError, ImageError */
export async function planXen(
  { options, identity, config, networks }: SingleGuest,
  chosen: Exclude<ChosenType, { type: 'pc' }>,
  { onControl, ...watchers }: PlanWatchers,
): Promise<GuestPlan> {
  if (options.serial === 'hvc')
    throw usageError('--serial hvc is for PCs; the console of a guest of Xen is its own');
  for (const name of ['rng', 'share', 'vsock', 'balloon', 'display', 'virtio'] as const)
    if (options[name])
      throw usageError(`--${name} is for PCs; a guest of Xen has no virtio devices`);
  const { type } = chosen;
  let image: XenImage | null = chosen.image;
  const disks = await openDisks(options.disk ?? []);
  const build = xenGuest(
    async () => {
      const pc = await config();
      const opened = image ?? openXenImage(pc.image, pc.imageName ?? 'the kernel');
      image = null;
      return {
        ...xenConfig(opened, pc, options, type),
        disks: disks.disks,
        networks: networks.cards.map((card, id) => ({ id, ...card })),
        ...watchers,
      };
    },
    (guest) => onControl(guest.control),
  );
  const close = async (): Promise<void> => {
    networks.close();
    await disks.close();
  };
  return { build, image: identity, hasControl: true, close };
}
