// The plan of the built-in pair: two domains of one kernel; the one on the terminal has the other answer.
import { hashOf } from '@proxeny/machine/pc';
import { type DomainWish, openXenImage } from '@proxeny/machine/xen';
import { assemblePairKernel } from '@proxeny/pv-guest';
import { usageError } from './command-error.js';
import { xenDomains } from './foreground-domains.js';
import { cpuOption, memoryOption, oneOnly } from './guest-options.js';
import type { GuestPlan, PlanWatchers, SingleOptions } from './guest-plan.js';

const PAIR_MEMORY = '8M';

/** @throws CommandError for options of guests that are not built in */
export function planPair(
  options: SingleOptions,
  { onControl, ...watchers }: PlanWatchers,
): GuestPlan {
  const { kernel, firmware, initrd, append, protocol, module } = options;
  const { disk, rng, share, vsock, balloon, display, virtio, net, publish } = options;
  if (kernel !== undefined || firmware !== undefined) throw usageError(oneOnly);
  const refused = {
    initrd,
    append,
    protocol,
    module,
    disk,
    rng,
    share,
    vsock,
    balloon,
    display,
    virtio,
    net,
    publish,
  };
  for (const [name, value] of Object.entries(refused))
    if (value !== undefined) throw usageError(`--${name} goes not with --builtin`);
  if (options.type !== 'auto') throw usageError('--type goes not with --builtin');
  const memoryBytes = memoryOption(options.memory ?? PAIR_MEMORY);
  const bytes = assemblePairKernel();
  const image = openXenImage(bytes, 'the built-in pair');
  const domain = (name: string, commandLine: string): DomainWish => ({
    name,
    memoryBytes,
    config: () => ({ image, memoryBytes, commandLine }),
  });
  const domains = [domain('desk', ''), domain('clerk', 'answers')];
  const model = cpuOption(options.cpu);
  return {
    build: xenDomains({ domains, model, ...watchers }, { console: 'desk', onControl }),
    image: { hash: hashOf(bytes), name: image.name },
    hasControl: true,
    close: async () => {},
  };
}
