// The plan of a PC: its disks, shares, sockets and display opened.
import { balloonMethods } from '@proxeny/machine/pc';
import { balloonOption } from './balloon-option.js';
import { usageError } from './command-error.js';
import { openPcDisks } from './disk-option.js';
import { DisplayFile } from './display-option.js';
import { hvcGuest, pcGuest } from './foreground-guest.js';
import { pcMemory } from './guest-options.js';
import type { GuestPlan, PlanWatchers, SingleGuest } from './guest-plan.js';
import { openShares } from './share-option.js';
import { virtioOption } from './virtio-option.js';
import { type OpenVsock, openVsock } from './vsock-option.js';

/** @throws CommandError */
export async function planPc(
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

/** The six bytes of an address. */
function bytesOf(mac: string): Uint8Array {
  return Uint8Array.from(mac.split(':'), (digits) => Number.parseInt(digits, 16));
}
