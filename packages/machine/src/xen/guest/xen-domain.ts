// XenDomain: one domain of a machine with what the host gives it: memory, image, console, xenstore, disks. Made paused; closed once it has
// shut down or is to go, and then nothing of it is left.
import type { Domain, DomainLimits } from '@proxeny/hv-core';
import { PAGE_SIZE } from '@proxeny/memory';
import type { CpuModel } from '@proxeny/vcpu-x86';
import { EM_386 } from '../../loader/elf.js';
import { ImageError } from '../../loader/load-error.js';
import type { MachineEnd } from '../../machine-end.js';
import type { XenGuestType, XenImage } from '../build/xen-image.js';
import { ConsoleRing } from '../console/console-ring.js';
import { addConsole } from '../toolstack/console-entry.js';
import { removeDomainHome, writeDomainHome } from '../toolstack/domain-home.js';
import { type BuiltGuest, buildGuest } from './built-guest.js';
import { endOf, shutdownText } from './domain-end.js';
import { randomUuid, uuidBytes, uuidText } from './uuid.js';
import type { GuestDisk, GuestNetwork, ServedRing, XenHost } from './xen-host.js';
import type { XenMachine } from './xen-machine.js';

const MIB = 1 << 20;

export interface XenDomainConfig {
  /** Default: pv. */
  readonly type?: XenGuestType;
  readonly image: XenImage;
  readonly ramdisk?: Uint8Array;
  readonly commandLine?: string;
  /** In bytes; whole pages of it are used. */
  readonly memoryBytes: number;
  /** What it may grow to; default `memoryBytes`. */
  readonly maxMemoryBytes?: number;
  readonly name?: string;
  /** Text; a random one if left out. */
  readonly uuid?: string;
  /** Its share of the CPU among others: 256 is the usual one. */
  readonly weight?: number;
  /** The most CPU it gets, in percent; 0: no cap. */
  readonly capPercent?: number;
  readonly limits?: Partial<DomainLimits>;
  readonly disks?: readonly GuestDisk[];
  readonly networks?: readonly GuestNetwork[];
  /** What the guest prints on its console. */
  readonly onConsole?: (bytes: Uint8Array) => void;
}

/** Where domains live. */
export interface XenPlace {
  readonly machine: XenMachine;
  readonly host: XenHost;
  readonly wallClockMs: () => number;
  readonly randomU32: () => number;
}

export class XenDomain {
  readonly domain: Domain;
  readonly #place: XenPlace;
  readonly #console: ConsoleRing;
  readonly #rings: ServedRing[] = [];

  /** @throws ImageError about image, RAM disk or command line; HvError `no-memory`. Nothing is left then. */
  constructor(place: XenPlace, config: XenDomainConfig) {
    this.#place = place;
    const { machine, host } = place;
    checkCpu(config.image, machine.model);
    const uuid = config.uuid ? uuidBytes(config.uuid) : randomUuid(place.randomU32);
    const built = buildGuest(machine, config.type ?? 'pv', {
      image: config.image,
      memoryBytes: config.memoryBytes,
      domain: {
        name: config.name ?? 'guest',
        uuid,
        ...(config.weight === undefined ? {} : { weight: config.weight }),
        ...(config.capPercent === undefined ? {} : { capPercent: config.capPercent }),
        ...(config.limits ? { limits: config.limits } : {}),
      },
      ...(config.maxMemoryBytes ? { maxMemoryBytes: config.maxMemoryBytes } : {}),
      ...(config.ramdisk ? { ramdisk: config.ramdisk } : {}),
      ...(config.commandLine === undefined ? {} : { commandLine: config.commandLine }),
    });
    this.domain = built.domain;
    this.#console = this.#connect(built, config, uuid);
    for (const disk of config.disks ?? []) host.attachDisk(this.domain, disk);
    for (const card of config.networks ?? []) host.attachNetwork(this.domain, card);
    const { id, name, vcpus } = built.domain;
    const mib = Math.floor(config.memoryBytes / MIB);
    host.log.say(`domain ${id} (${name}): ${config.image.name}, ${mib} MiB, ${vcpus.length} vCPU`);
  }

  #connect(built: BuiltGuest, config: XenDomainConfig, uuid: Uint8Array): ConsoleRing {
    const { host, wallClockMs } = this.#place;
    const { domain, store, console } = built;
    const memoryKiB = Math.floor(config.memoryBytes / PAGE_SIZE) * (PAGE_SIZE / 1024);
    host.stores.addDomain(domain.id);
    writeDomainHome(host.store, {
      id: domain.id,
      name: domain.name,
      uuid: uuidText(uuid),
      type: built.type,
      memoryKiB,
      maxMemoryKiB: Math.max(memoryKiB, (config.maxMemoryBytes ?? 0) / 1024),
      cpusOnline: domain.vcpus.map(() => true),
      store: { frame: built.frameOf(store), port: store.port },
      startTime: wallClockMs() / 1000,
    });
    addConsole(host.store, domain.id, { frame: built.frameOf(console), port: console.port });
    const storeRing = host.serve(domain, store.mfn, store.port);
    host.stores.connect(domain.id, storeRing.page, storeRing.port);
    const consoleRing = host.serve(domain, console.mfn, console.port);
    this.#rings.push(storeRing, consoleRing);
    const { page, port } = consoleRing;
    return new ConsoleRing({ page, port, onOutput: config.onConsole ?? (() => {}) });
  }

  /** Lets it run. */
  start(): void {
    this.domain.unpause();
    this.#place.machine.wake();
  }
  /** Bytes typed at the console; queued without loss. */
  send(bytes: Uint8Array): void {
    this.#console.send(bytes);
    this.#place.machine.wake();
  }
  /** Bytes given to {@link send} that the guest's ring has not taken yet. */
  get queuedInput(): number {
    return this.#console.queuedInput;
  }

  /** It has shut down: prints what is left in its ring, lets watchers of domains know, and tells how it ended. */
  noteEnd(): MachineEnd {
    this.#console.service();
    const { host } = this.#place;
    const { id } = this.domain;
    host.log.forget(id);
    host.stores.noteShutdown(id);
    host.log.say(`domain ${id} has shut down: ${shutdownText(this.domain)}`);
    return endOf(this.domain);
  }

  /** Takes everything of it out of the machine; done when its disks' requests in flight are. Call it between slices. */
  async close(): Promise<void> {
    const { machine, host } = this.#place;
    const { domain } = this;
    if (domain.shutdownReason === null && !domain.isDying) domain.pause();
    await host.closeDevices(domain);
    this.#console.close();
    host.stores.removeDomain(domain.id);
    removeDomainHome(host.store, domain.id);
    for (const ring of this.#rings.splice(0)) ring.close();
    machine.destroy(domain);
  }
}

function checkCpu({ elf, name }: XenImage, { features }: CpuModel): void {
  if (elf.machine === EM_386 || features.has('lm')) return;
  throw new ImageError(
    'unsupported',
    `${name} is a 64-bit kernel, and the CPU model has no long mode (lm); use another model`,
  );
}
