// What `run` makes of configuration files: several domains in one machine. Every wish is checked before anything runs; what cannot be had
// is refused with file, line and column.

import { basename } from 'node:path';
import type { DomainConfigFile, DomainConfiguration } from '@proxeny/machine';
import {
  BlockError,
  type ConfigError,
  hashOf,
  ImageError,
  MEMORY_MAX_BYTES,
  openDiskImage,
} from '@proxeny/machine/pc';
import {
  type DomainWish,
  type GuestDisk,
  type GuestNetwork,
  openXenImage,
  virtualDeviceNumber,
  type XenDomainConfig,
  type XenImage,
} from '@proxeny/machine/xen';
import type { CpuModel } from '@proxeny/vcpu-x86';
import { exitCodeOf } from './block-failure.js';
import { CommandError, usageError } from './command-error.js';
import { readConfigFile } from './config-file.js';
import { closeDisks } from './disk-option.js';
import { checkInterfaces, DomainNetworks } from './domain-networks.js';
import { xenDomains } from './foreground-domains.js';
import type { GuestPlan, PlanWatchers } from './guest-plan.js';
import { readInputFile } from './input-file.js';

const MIB = 1 << 20;
/** What a machine needs beside its domains' memory. */
const RESERVE_BYTES = 64 * MIB;

export interface DomainsOptions {
  /** Configuration files. */
  readonly files: readonly string[];
  /** The domain on the terminal; the first one if left out. */
  readonly console?: string;
  readonly model: CpuModel;
  /** Whether domains may start again after a reset. */
  readonly reboot: boolean;
  readonly watchers: PlanWatchers;
}

/** A domain, and how to complain about it. */
interface PlannedDomain {
  readonly domain: DomainConfiguration;
  readonly fail: (path: readonly (string | number)[], what: string) => ConfigError;
}

/** @throws CommandError, ConfigError */
export async function planDomains(options: DomainsOptions): Promise<GuestPlan> {
  const planned: PlannedDomain[] = [];
  for (const path of options.files) planned.push(...domainsOf(await readConfigFile(path)));
  checkTogether(planned);
  const names = planned.map(({ domain }) => domain.name);
  const console = options.console ?? (names[0] as string);
  if (!names.includes(console))
    throw usageError(
      `--console '${console}': there is no such domain; there are ${names.join(', ')}`,
    );
  for (const each of planned) checkSupported(each);
  const opened: GuestDisk[] = [];
  const close = (): Promise<void> => closeDisks(opened);
  try {
    const wishes: DomainWish[] = [];
    const networks = new DomainNetworks();
    for (const each of planned) {
      const disks = await openDisks(each, opened);
      wishes.push(await wishOf(each, disks, networks.cardsOf(each.domain), options.reboot));
    }
    const { model, watchers } = options;
    const { onControl, ...observers } = watchers;
    const build = xenDomains({ domains: wishes, model, ...observers }, { console, onControl });
    const [{ domain }] = planned as [PlannedDomain];
    const kernel = await readInputFile(domain.kernel, 'kernel');
    const image = { hash: hashOf(kernel), name: basename(domain.kernel) };
    return { build, image, hasControl: true, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function domainsOf(file: DomainConfigFile): PlannedDomain[] {
  return file.domains.map((domain, i) => ({
    domain,
    fail: (path, what) => file.errorAt(i, path, what),
  }));
}

/** What holds for all domains of a machine, from however many files. */
function checkTogether(planned: readonly PlannedDomain[]): void {
  const names = new Set<string>();
  let left = MEMORY_MAX_BYTES - RESERVE_BYTES;
  for (const { domain, fail } of planned) {
    if (names.has(domain.name)) throw fail(['name'], `another domain is called ${domain.name} too`);
    names.add(domain.name);
    left -= domain.maxMemoryBytes;
    if (left < 0)
      throw fail(
        ['memory'],
        `all domains together get more than the ${(MEMORY_MAX_BYTES - RESERVE_BYTES) / MIB} MiB a machine has`,
      );
  }
}

/** Refuses what a configuration may say and we do not have. */
function checkSupported({ domain, fail }: PlannedDomain): void {
  if (domain.type === 'pc')
    throw fail(['type'], 'a PC has a machine of its own; run it without a configuration file');
  if (domain.maxVcpus > 1)
    throw fail([domain.vcpus > 1 ? 'vcpus' : 'maxvcpus'], 'a guest has one virtual CPU so far');
  checkInterfaces(domain, fail);
  for (const [i, disk] of domain.disks.entries()) {
    if (virtualDeviceNumber(disk.name) === null)
      throw fail(['disk', i], `no disk is called ${disk.name}; the first one is xvda`);
    if (!disk.mayDiscard)
      throw fail(['disk', i], 'discards cannot be switched off; leave no-discard out');
  }
}

/** Opens a domain's disks, and adds them to `opened`. */
async function openDisks(planned: PlannedDomain, opened: GuestDisk[]): Promise<GuestDisk[]> {
  const disks: GuestDisk[] = [];
  for (const [i, { target, format, ...shown }] of planned.domain.disks.entries()) {
    try {
      const disk = await openDiskImage(target, { isReadOnly: shown.isReadOnly, format });
      const guestDisk = { ...shown, disk, parameters: target };
      disks.push(guestDisk);
      opened.push(guestDisk);
    } catch (error) {
      if (!(error instanceof BlockError)) throw error;
      const place = planned.fail(['disk', i], error.message);
      throw new CommandError(place.message, exitCodeOf(error));
    }
  }
  return disks;
}

async function wishOf(
  planned: PlannedDomain,
  disks: readonly GuestDisk[],
  networks: readonly GuestNetwork[],
  mayReboot: boolean,
): Promise<DomainWish> {
  const { domain } = planned;
  // The image is opened here to complain about it before anything runs, and kept for the first start only.
  let first: XenImage | null = await imageOf(planned);
  const limits = {
    ...(domain.maxGrantFrames === undefined ? {} : { maxGrantFrames: domain.maxGrantFrames }),
    ...(domain.maxEventChannels === undefined ? {} : { maxPort: domain.maxEventChannels }),
  };
  const config = async (): Promise<XenDomainConfig> => {
    const image = first ?? (await imageOf(planned));
    first = null;
    const ramdisk = await fileOf(planned, 'ramdisk');
    const isPvh = domain.type === 'pvh' || (domain.type === 'auto' && image.types[0] === 'pvh');
    return {
      type: isPvh ? 'pvh' : 'pv',
      image,
      ...(ramdisk ? { ramdisk } : {}),
      commandLine: domain.commandLine,
      memoryBytes: domain.memoryBytes,
      maxMemoryBytes: domain.maxMemoryBytes,
      ...(domain.uuid === undefined ? {} : { uuid: domain.uuid }),
      weight: domain.cpuWeight,
      capPercent: domain.capPercent,
      limits,
      disks,
      networks,
    };
  };
  await fileOf(planned, 'ramdisk');
  const { name, memoryBytes, maxMemoryBytes, onPoweroff, onWatchdog, onCrash } = domain;
  const onReboot = domain.onReboot === 'restart' && !mayReboot ? 'destroy' : domain.onReboot;
  const actions = { onPoweroff, onReboot, onWatchdog, onCrash };
  return { name, memoryBytes, maxMemoryBytes, config, ...actions };
}

async function imageOf(planned: PlannedDomain): Promise<XenImage> {
  const { domain, fail } = planned;
  const bytes = (await fileOf(planned, 'kernel')) ?? new Uint8Array(0);
  let image: XenImage;
  try {
    image = openXenImage(bytes, basename(domain.kernel));
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    throw fail(['kernel'], error.message);
  }
  return image;
}

/** The file that a field names; undefined if it names none. @throws CommandError with the field's place */
async function fileOf(
  { domain, fail }: PlannedDomain,
  field: 'kernel' | 'ramdisk',
): Promise<Uint8Array | undefined> {
  const path = domain[field];
  if (path === undefined) return undefined;
  try {
    return await readInputFile(path, field);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new CommandError(fail([field], error.message).message, error.exitCode, { cause: error });
  }
}
