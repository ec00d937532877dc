// XenDomains: several domains in one machine: one microkernel, one block cache, one xenstore. When a domain shuts down, what was wished for
// it happens: it goes, starts again, or stays as it is to be looked at. The machine ends when nothing is left in it.
import type { HypercallObserver } from '@proxeny/hv-core';
import type { CpuModel } from '@proxeny/vcpu-x86';
import type { GuestSampler } from '../../guest-sampler.js';
import { hostRandomU32 } from '../../host/random.js';
import type { MachineEnd } from '../../machine-end.js';
import type { StoreObserver } from '../store/store.js';
import { XenDomain, type XenDomainConfig } from './xen-domain.js';
import { XenHost } from './xen-host.js';
import { XenMachine } from './xen-machine.js';

/** What becomes of a domain that has shut down. */
export type EndAction = 'destroy' | 'restart' | 'preserve';

export interface DomainWish {
  readonly name: string;
  readonly memoryBytes: number;
  readonly maxMemoryBytes?: number;
  /** What it is built from; asked for at each start, so that nobody keeps images while it runs. */
  readonly config: () => XenDomainConfig | Promise<XenDomainConfig>;
  readonly onPoweroff?: EndAction;
  readonly onReboot?: EndAction;
  readonly onWatchdog?: EndAction;
  readonly onCrash?: EndAction;
}

export interface XenDomainsConfig {
  readonly model: CpuModel;
  readonly domains: readonly DomainWish[];
  /** What a domain prints on its console. */
  readonly onConsole?: (name: string, bytes: Uint8Array) => void;
  /** A domain has ended, and what becomes of it now. */
  readonly onEnd?: (name: string, end: MachineEnd, action: EndAction) => void;
  /** Asked between slices: a promise holds all domains and their time until it resolves. */
  readonly hold?: () => Promise<void> | null;
  readonly observer?: HypercallObserver;
  /** Sees what domains ask of xenstore. */
  readonly storeObserver?: StoreObserver;
  /** Measures where the time of all domains goes. */
  readonly sampler?: GuestSampler;
  readonly wallClockMs?: () => number;
  readonly randomU32?: () => number;
}

interface Resident {
  readonly wish: DomainWish;
  guest: XenDomain;
}

export class XenDomains {
  readonly machine: XenMachine;
  readonly host: XenHost;
  readonly #config: XenDomainsConfig;
  /** Domains that exist, preserved ones too, by name. */
  readonly #residents: Map<string, Resident> = new Map();
  readonly #crashes: string[] = [];
  #failure: unknown = null;

  private constructor(config: XenDomainsConfig) {
    this.#config = config;
    const { domains } = config;
    const machine = new XenMachine({
      memoryBytes: domains.reduce(
        (sum, { memoryBytes, maxMemoryBytes = 0 }) => sum + Math.max(memoryBytes, maxMemoryBytes),
        0,
      ),
      maxCpus: domains.length,
      model: config.model,
      onShutdown: ({ id }) => this.#shutDown(id),
      ...(config.randomU32 ? { randomU32: config.randomU32 } : {}),
      ...(config.hold ? { hold: config.hold } : {}),
      ...(config.sampler ? { sampler: config.sampler } : {}),
      ...(config.wallClockMs ? { wallClockMs: config.wallClockMs } : {}),
    });
    this.machine = machine;
    this.host = new XenHost(machine.hypervisor, () => machine.wake());
    machine.hypervisor.observer = config.observer ?? null;
    this.host.stores.store.observer = config.storeObserver ?? null;
  }

  /**
   * Builds the machine and all its domains, in their order; they run with {@link run}.
   * @throws ImageError, HvError, and whatever a domain's `config` throws
   */
  static async build(config: XenDomainsConfig): Promise<XenDomains> {
    const domains = new XenDomains(config);
    for (const wish of config.domains) {
      const guest = await domains.#make(wish);
      domains.#residents.set(wish.name, { wish, guest });
    }
    for (const { guest } of domains.#residents.values()) guest.start();
    return domains;
  }

  async #make(wish: DomainWish): Promise<XenDomain> {
    const { wallClockMs = Date.now, randomU32 = hostRandomU32, onConsole } = this.#config;
    const { machine, host } = this;
    return new XenDomain(
      { machine, host, wallClockMs, randomU32 },
      {
        ...(await wish.config()),
        name: wish.name,
        onConsole: (bytes) => onConsole?.(wish.name, bytes),
      },
    );
  }

  /** Types at a domain's console; what is typed at one that is gone, goes nowhere. */
  send(name: string, bytes: Uint8Array): void {
    this.#residents.get(name)?.guest.send(bytes);
  }
  /** Bytes typed at a domain that its ring has not taken yet. */
  queuedInput(name: string): number {
    return this.#residents.get(name)?.guest.queuedInput ?? 0;
  }
  /** Names of the domains that exist, those preserved after their end too. */
  get names(): string[] {
    return [...this.#residents.keys()];
  }
  /** Ends the machine from outside. */
  stop(): void {
    this.machine.stop();
  }

  /**
   * Runs until no domain is left, or {@link stop}. `crash` if one did, whose name the message tells.
   * @throws what building a domain again throws
   */
  async run(): Promise<MachineEnd> {
    const isLeft = this.#residents.size > 0;
    if (isLeft) await this.machine.run();
    await this.host.close();
    if (this.#failure) throw this.#failure;
    if (this.#crashes.length > 0)
      return { reason: 'crash', code: 0, message: this.#crashes.join('; ') };
    return { reason: this.#residents.size > 0 ? 'stopped' : 'poweroff', code: 0, message: '' };
  }

  #shutDown(id: number): void {
    for (const resident of this.#residents.values()) {
      if (resident.guest.domain.id !== id) continue;
      this.#settle(resident).catch((error: unknown) => {
        this.#failure ??= error;
        this.stop();
      });
    }
  }

  async #settle(resident: Resident): Promise<void> {
    const { wish, guest } = resident;
    const end = guest.noteEnd();
    const action = actionOf(wish, end);
    if (end.reason === 'crash' && action !== 'restart')
      this.#crashes.push(`domain ${wish.name}: ${end.message}`);
    this.#config.onEnd?.(wish.name, end, action);
    if (action === 'preserve') return;
    await guest.close();
    if (action === 'restart') {
      resident.guest = await this.#make(wish);
      resident.guest.start();
      return;
    }
    this.#residents.delete(wish.name);
    if (this.#residents.size === 0) this.stop();
  }
}

function actionOf(wish: DomainWish, end: MachineEnd): EndAction {
  const { onPoweroff, onReboot, onCrash, onWatchdog } = wish;
  if (end.reason === 'reset') return onReboot ?? 'restart';
  if (end.reason !== 'crash') return onPoweroff ?? 'destroy';
  return (end.isWatchdog === true ? onWatchdog : onCrash) ?? 'destroy';
}
