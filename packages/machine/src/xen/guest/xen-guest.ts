// XenGuest: one paravirtual guest on a machine of its own, with its console and xenstore: what `proxeny run --type pv` runs.
import type { Domain, HypercallObserver } from '@proxeny/hv-core';
import type { CpuModel } from '@proxeny/vcpu-x86';
import type { ControlMethods } from '../../control-method.js';
import type { GuestSampler } from '../../guest-sampler.js';
import { hostRandomU32 } from '../../host/random.js';
import type { MachineEnd } from '../../machine-end.js';
import type { PvCpu } from '../cpu/pv-cpu.js';
import type { PvhCpu } from '../cpu/pvh-cpu.js';
import type { StoreObserver } from '../store/store.js';
import { XenDomain, type XenDomainConfig } from './xen-domain.js';
import { XenHost } from './xen-host.js';
import { XenMachine } from './xen-machine.js';

export interface XenGuestConfig extends XenDomainConfig {
  readonly model: CpuModel;
  /** What it prints by console_io, the hypervisor's own log; without a listener it may not, as on a Xen without debugging. */
  readonly onConsoleWrite?: (bytes: Uint8Array) => void;
  /** Asked between slices: a promise holds the guest and its time until it resolves. */
  readonly hold?: () => Promise<void> | null;
  readonly observer?: HypercallObserver;
  /** Sees what the guest asks of xenstore. */
  readonly storeObserver?: StoreObserver;
  /** Measures where the time goes. */
  readonly sampler?: GuestSampler;
  readonly wallClockMs?: () => number;
  readonly randomU32?: () => number;
}

export class XenGuest {
  readonly machine: XenMachine;
  readonly host: XenHost;
  readonly #guest: XenDomain;
  #end: MachineEnd | null = null;

  /** @throws ImageError about image, RAM disk or command line; HvError `no-memory` */
  constructor(config: XenGuestConfig) {
    const { onConsoleWrite } = config;
    const machine = new XenMachine({
      memoryBytes: Math.max(config.memoryBytes, config.maxMemoryBytes ?? 0),
      model: config.model,
      onShutdown: () => this.#finish(this.#guest.noteEnd()),
      ...(config.randomU32 ? { randomU32: config.randomU32 } : {}),
      ...(onConsoleWrite
        ? {
            onConsoleWrite: ({ id }, bytes) => {
              this.host.log.print(id, bytes);
              onConsoleWrite(bytes);
            },
          }
        : {}),
      ...(config.hold ? { hold: config.hold } : {}),
      ...(config.sampler ? { sampler: config.sampler } : {}),
      ...(config.wallClockMs ? { wallClockMs: config.wallClockMs } : {}),
    });
    this.machine = machine;
    this.host = new XenHost(machine.hypervisor, () => machine.wake());
    const wallClockMs = config.wallClockMs ?? Date.now;
    const randomU32 = config.randomU32 ?? hostRandomU32;
    this.#guest = new XenDomain({ machine, host: this.host, wallClockMs, randomU32 }, config);
    machine.hypervisor.observer = config.observer ?? null;
    this.host.stores.store.observer = config.storeObserver ?? null;
    this.#guest.start();
  }

  get domain(): Domain {
    return this.#guest.domain;
  }
  /** The engine of its first vCPU. */
  get cpu(): PvCpu | PvhCpu {
    return this.domain.vcpus[0].cpu as PvCpu | PvhCpu;
  }

  /** What other processes may ask of it. */
  get control(): ControlMethods {
    return this.host.control;
  }
  /** Bytes typed at the console; queued without loss. */
  send(bytes: Uint8Array): void {
    this.#guest.send(bytes);
  }
  /** Bytes given to {@link send} that the guest's ring has not taken yet. */
  get queuedInput(): number {
    return this.#guest.queuedInput;
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
}
