// XenGuest: one paravirtual guest on a machine of its own, with its console and xenstore: what `proxeny run --type pv` runs.
import {
  SHUTDOWN_crash,
  SHUTDOWN_poweroff,
  SHUTDOWN_reboot,
  SHUTDOWN_suspend,
  SHUTDOWN_watchdog,
} from '@proxeny/abi';
import { type Domain, type HypercallObserver, initialiseVcpu } from '@proxeny/hv-core';
import { PAGE_SIZE } from '@proxeny/memory';
import type { CpuModel } from '@proxeny/vcpu-x86';
import type { ControlMethods } from '../../control-method.js';
import { hostRandomU32 } from '../../host/random.js';
import type { MachineEnd } from '../../machine-end.js';
import { type BuiltPv, buildPv } from '../build/build-pv.js';
import { openXenImage } from '../build/xen-image.js';
import { ConsoleRing } from '../console/console-ring.js';
import type { PvCpu } from '../cpu/pv-cpu.js';
import { logMethods, MessageLog } from '../message-log.js';
import type { StoreObserver } from '../store/store.js';
import { storeMethods } from '../store-methods.js';
import { addConsole } from '../toolstack/console-entry.js';
import { writeDomainHome } from '../toolstack/domain-home.js';
import { crashText } from './crash-text.js';
import { type GuestDisk, XenHost } from './xen-host.js';
import { XenMachine } from './xen-machine.js';

const MIB = 1 << 20;

export interface XenGuestConfig {
  readonly image: Uint8Array;
  /** For messages. */
  readonly imageName?: string;
  readonly ramdisk?: Uint8Array;
  readonly commandLine?: string;
  /** In bytes; whole pages of it are used. */
  readonly memoryBytes: number;
  readonly model: CpuModel;
  readonly name?: string;
  readonly disks?: readonly GuestDisk[];
  /** What the guest prints on its console. */
  readonly onConsole?: (bytes: Uint8Array) => void;
  /** What it prints by console_io, the hypervisor's own log; without a listener it may not, as on a Xen without debugging. */
  readonly onConsoleWrite?: (bytes: Uint8Array) => void;
  /** Asked between slices: a promise holds the guest and its time until it resolves. */
  readonly hold?: () => Promise<void> | null;
  readonly observer?: HypercallObserver;
  /** Sees what the guest asks of xenstore. */
  readonly storeObserver?: StoreObserver;
  readonly wallClockMs?: () => number;
  readonly randomU32?: () => number;
}

export class XenGuest {
  readonly machine: XenMachine;
  readonly host: XenHost;
  readonly domain: Domain;
  /** What the hypervisor has to say, and what the guest may print by console_io. */
  readonly log: MessageLog = new MessageLog();
  readonly #console: ConsoleRing;
  readonly #wallClockMs: () => number;
  #end: MachineEnd | null = null;

  /** @throws ImageError about image, RAM disk or command line; HvError `no-memory` */
  constructor(config: XenGuestConfig) {
    const { onConsole, onConsoleWrite, ramdisk, commandLine, memoryBytes } = config;
    this.#wallClockMs = config.wallClockMs ?? Date.now;
    const random = config.randomU32 ?? hostRandomU32;
    const image = openXenImage(config.image, config.imageName ?? 'the kernel');
    const machine = new XenMachine({
      memoryBytes,
      model: config.model,
      randomU32: random,
      onShutdown: (domain) => this.#shutDown(domain),
      ...(onConsoleWrite
        ? {
            onConsoleWrite: (domain: Domain, bytes: Uint8Array) => {
              this.log.print(domain.id, bytes);
              onConsoleWrite(bytes);
            },
          }
        : {}),
      ...(config.hold ? { hold: config.hold } : {}),
      ...(config.wallClockMs ? { wallClockMs: config.wallClockMs } : {}),
    });
    this.machine = machine;
    this.host = new XenHost(machine.hypervisor, () => machine.wake());
    const uuid = randomUuid(random);
    const built = buildPv(machine.hypervisor, {
      image,
      memoryBytes,
      domain: { name: config.name ?? 'guest', uuid, createCpu: machine.createPvCpu },
      ...(ramdisk ? { ramdisk } : {}),
      ...(commandLine === undefined ? {} : { commandLine }),
    });
    this.domain = built.domain;
    this.#console = this.#connect(built, uuid, onConsole ?? (() => {}));
    for (const disk of config.disks ?? []) this.host.attachDisk(this.domain, disk);
    machine.hypervisor.observer = config.observer ?? null;
    this.host.stores.store.observer = config.storeObserver ?? null;
    const status = initialiseVcpu(built.domain.vcpus[0], built.start.context);
    if (status !== 0)
      throw new Error(`the first vCPU cannot start (${status}): a mistake of the builder`);
    built.domain.unpause();
    const { id, name, vcpus } = built.domain;
    const mib = Math.floor((built.mfns.length * PAGE_SIZE) / MIB);
    this.log.say(`domain ${id} (${name}): ${image.name}, ${mib} MiB, ${vcpus.length} vCPU`);
  }

  #connect(built: BuiltPv, uuid: Uint8Array, onOutput: (bytes: Uint8Array) => void): ConsoleRing {
    const { host } = this;
    const { domain, store, console } = built;
    const kib = (built.mfns.length * PAGE_SIZE) / 1024;
    host.stores.addDomain(domain.id);
    writeDomainHome(host.store, {
      id: domain.id,
      name: domain.name,
      uuid: uuidText(uuid),
      type: 'pv',
      memoryKiB: kib,
      maxMemoryKiB: kib,
      cpusOnline: domain.vcpus.map(() => true),
      store: { frame: store.mfn, port: store.port },
      startTime: this.#wallClockMs() / 1000,
    });
    addConsole(host.store, domain.id, { frame: console.mfn, port: console.port });
    const storeRing = host.serve(domain, store.mfn, store.port);
    host.stores.connect(domain.id, storeRing.page, storeRing.port);
    const { page, port } = host.serve(domain, console.mfn, console.port);
    return new ConsoleRing({ page, port, onOutput });
  }

  /** What other processes may ask of it. */
  get control(): ControlMethods {
    const store = storeMethods(this.host.store, () => this.machine.wake());
    return { ...store, ...logMethods(this.log) };
  }
  /** Bytes typed at the console; queued without loss. */
  send(bytes: Uint8Array): void {
    this.#console.send(bytes);
    this.machine.wake();
  }
  /** Bytes given to {@link send} that the guest's ring has not taken yet. */
  get queuedInput(): number {
    return this.#console.queuedInput;
  }
  /** How it has ended; null while it has not. */
  get ended(): MachineEnd | null {
    return this.#end;
  }
  /** Ends it from outside. */
  stop(): void {
    this.#finish({ reason: 'stopped', code: 0, message: '' });
  }
  /** Runs until the guest shuts down, crashes, or {@link stop}. */
  async run(): Promise<MachineEnd> {
    await this.machine.run();
    await this.host.close();
    return this.#end ?? { reason: 'stopped', code: 0, message: '' };
  }

  #finish(end: MachineEnd): void {
    this.#end ??= end;
    this.machine.stop();
  }
  #shutDown(domain: Domain): void {
    this.#console.service();
    this.log.forget(domain.id);
    this.host.stores.noteShutdown(domain.id);
    this.log.say(`domain ${domain.id} has shut down: ${shutdownText(domain)}`);
    switch (domain.shutdownReason) {
      case SHUTDOWN_poweroff:
      case SHUTDOWN_suspend:
        return this.#finish({ reason: 'poweroff', code: 0, message: '' });
      case SHUTDOWN_reboot:
        return this.#finish({ reason: 'reset', code: 0, message: '' });
      case SHUTDOWN_watchdog:
        return this.#finish({ reason: 'crash', code: 0, message: 'its watchdog was not fed' });
      case SHUTDOWN_crash:
        return this.#finish({ reason: 'crash', code: 0, message: crashText(domain) });
      default:
        return this.#finish({
          reason: 'crash',
          code: 0,
          message: `it shut down with the unknown reason ${domain.shutdownReason}`,
        });
    }
  }

  /** The engine of its first vCPU. */
  get cpu(): PvCpu {
    return this.domain.vcpus[0].cpu as PvCpu;
  }
}

function shutdownText(domain: Domain): string {
  const names = ['power off', 'reboot', 'suspend', 'crash', 'watchdog', 'soft reset'];
  const reason = domain.shutdownReason ?? -1;
  const name = names[reason] ?? `unknown reason ${reason}`;
  return reason === SHUTDOWN_crash ? `${name}: ${crashText(domain)}` : name;
}

/** A random UUID, version 4 (RFC 9562 §5.4). */
function randomUuid(random: () => number): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < 16; i += 4) view.setUint32(i, random());
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return bytes;
}

function uuidText(bytes: Uint8Array): string {
  const digits = [...bytes].map((b) => b.toString(16).padStart(2, '0')).join('');
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
