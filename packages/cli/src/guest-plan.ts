// GuestPlan: what `run` is to run, read and checked, before anything is built.
import {
  balloonMethods,
  type DomainWish,
  type GuestSampler,
  type HypercallTrace,
  hashOf,
  openXenImage,
  type PcConfig,
  type XenImage,
} from '@proxeny/machine';
import { assemblePairKernel } from '@proxeny/pv-guest';
import { balloonOption } from './balloon-option.js';
import type { ImageIdentity } from './block-cache.js';
import { usageError } from './command-error.js';
import { openDisks, openPcDisks } from './disk-option.js';
import { DisplayFile } from './display-option.js';
import { type GuestBuilder, hvcGuest, pcGuest, xenDomains, xenGuest } from './foreground-guest.js';
import type { OnControl } from './guest-control.js';
import {
  cpuOption,
  type GuestOptions,
  guestConfig,
  memoryOption,
  oneOnly,
  pcMemory,
} from './guest-options.js';
import { type ChosenType, chooseType, type GuestType, xenConfig } from './guest-type.js';
import { type OpenNetworks, openNetworks } from './network-option.js';
import { openShares } from './share-option.js';
import { virtioOption } from './virtio-option.js';
import { type OpenVsock, openVsock } from './vsock-option.js';

export interface GuestPlan {
  readonly build: GuestBuilder;
  readonly image: ImageIdentity;
  /** Whether other commands can ask it (`proxeny xs`). */
  readonly hasControl: boolean;
  /** The run is over: writes what is to be written of it. @throws CommandError */
  writeOutcome?(): Promise<void>;
  /** Lets go of what was opened. */
  close(): Promise<void>;
}

/** What looks on at the guests of a plan. */
export interface PlanWatchers {
  readonly onControl: OnControl;
  readonly observer?: HypercallTrace;
  readonly sampler?: GuestSampler;
}

export interface SingleOptions extends GuestOptions {
  readonly type: GuestType;
  readonly name?: string;
  readonly disk?: readonly string[];
  readonly rng?: boolean;
  readonly balloon?: true | string;
  readonly vsock?: string;
  readonly display?: string;
  readonly virtio?: string;
  readonly share?: readonly string[];
  /** `stdio`, `hvc`, `none`. */
  readonly serial?: string;
  readonly net?: readonly string[];
  readonly publish?: readonly string[];
  readonly trace?: string;
}

/** A single guest, before anything of it is opened. */
interface SingleGuest {
  readonly options: SingleOptions;
  readonly identity: ImageIdentity;
  /** Read anew each time. */
  readonly config: () => Promise<PcConfig>;
  readonly networks: OpenNetworks;
}

/** One guest, which the command line describes. @throws CommandError, ImageError */
export async function planSingle(
  kernel: string | undefined,
  options: SingleOptions,
  watchers: PlanWatchers,
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
  const networks = await openNetworks(options.net ?? [], options.publish ?? []);
  const guest = { options, identity, config, networks };
  try {
    return await (chosen.type === 'pc'
      ? planPc(guest, watchers)
      : planXen(guest, chosen, watchers));
  } catch (error) {
    networks.close();
    throw error;
  }
}

async function planPc(
  { options, identity, config, networks }: SingleGuest,
  { onControl, sampler }: PlanWatchers,
): Promise<GuestPlan> {
  if (options.trace !== undefined)
    throw usageError('--trace hypercalls is for guests of Xen; a PC makes none');
  const balloon = balloonOption(options.balloon, pcMemory(options));
  if (options.name !== undefined && !balloon)
    throw usageError(
      '--name is for guests of Xen, and PCs with --balloon; others answer no questions',
    );
  const virtio = virtioOption(options.virtio);
  const shares = openShares(options.share ?? []);
  let vsock: OpenVsock | null = null;
  let display: DisplayFile | null = null;
  let disks: Awaited<ReturnType<typeof openPcDisks>>;
  try {
    vsock = await openVsock(options.vsock);
    if (options.display !== undefined) display = new DisplayFile(options.display);
    disks = await openPcDisks(options.disk ?? []);
  } catch (error) {
    shares.close();
    vsock?.close();
    display?.close();
    throw error;
  }
  const devices = {
    disks: disks.disks,
    networks: networks.cards.map(({ mac, network }) => ({ port: network, address: bytesOf(mac) })),
    shares: shares.shares,
    hasEntropy: options.rng === true,
    ...(balloon && { balloon }),
    ...(vsock.vsock && { vsock: vsock.vsock }),
    ...(display && { display: display.options }),
    ...virtio,
    ...(sampler && { sampler }),
  };
  const guest = options.serial === 'hvc' ? hvcGuest : pcGuest;
  const build = guest(
    async () => ({ ...(await config()), ...devices }),
    (machine) => {
      if (machine.balloon) onControl(balloonMethods(machine.balloon));
      if (machine.display) display?.show(machine.display);
    },
  );
  const close = async (): Promise<void> => {
    display?.close();
    networks.close();
    shares.close();
    vsock.close();
    await disks.close();
  };
  const plan = { build, image: identity, hasControl: balloon !== undefined, close };
  return display ? { ...plan, writeOutcome: () => display.write() } : plan;
}

async function planXen(
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

/** The six bytes of an address. */
function bytesOf(mac: string): Uint8Array {
  return Uint8Array.from(mac.split(':'), (digits) => Number.parseInt(digits, 16));
}

const PAIR_MEMORY = '8M';

/**
 * The built-in pair: two domains of one kernel; the one on the terminal has the other answer.
 * @throws CommandError for options of guests that are not built in
 */
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
