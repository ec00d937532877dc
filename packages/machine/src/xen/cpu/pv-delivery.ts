// PvDelivery: the events of a paravirtual guest's CPU go to the microkernel, which keeps the guest's trap table, descriptors and page
// tables; all is done while the CPU waits, inside of run().
import type { CpuTraps } from '@proxeny/hv-core';
import type {
  Core,
  DescriptorRecord,
  DescriptorSource,
  Monitor,
  SoftwareEvent,
  StoreEmulation,
  TrapDelivery,
} from '@proxeny/vcpu-x86';

const VECTOR_UD = 6;
const VECTOR_GP = 13;
const VECTOR_PF = 14;
/** INT 0x82 from ring 1 is a 32-bit kernel's hypercall. */
const HYPERCALL_VECTOR = 0x82;
const HYPERCALL_RING = 1;
const ONE_BYTE = 1;
const TWO_BYTES = 2;

/** What the CPU's engine does about them. */
export interface PvEvents {
  readonly word: 32 | 64;
  readonly traps: CpuTraps;
  /** Of a 64-bit guest: SYSCALL is a hypercall. */
  readonly isKernelMode: boolean;
  /** A hypercall, its registers in place. */
  hypercall(): void;
  /** run() is to return: the guest may not go on now. */
  leave(): void;
}

export class PvDelivery implements TrapDelivery, DescriptorSource, StoreEmulation {
  readonly usesTables = false;
  readonly #core: Core;
  readonly #monitor: Monitor;
  readonly #events: PvEvents;
  readonly #view: DataView;

  constructor(core: Core, monitor: Monitor, events: PvEvents) {
    this.#core = core;
    this.#monitor = monitor;
    this.#events = events;
    this.#view = core.state.view;
  }

  #goOn(doesGoOn: boolean): void {
    if (!doesGoOn) this.#events.leave();
  }

  exception(vector: number, errorCode: number): boolean {
    const { traps } = this.#events;
    this.#goOn(
      vector === VECTOR_PF
        ? traps.pageFault(this.#monitor.faultAddress, errorCode)
        : traps.exception(vector, errorCode),
    );
    return true;
  }

  /** No interrupt controller is there, and no NMI but the microkernel's own. */
  interrupt(): boolean {
    return true;
  }

  software(vector: number, event: SoftwareEvent): number {
    const { word, traps } = this.#events;
    if (vector === HYPERCALL_VECTOR && word === 32 && this.#core.cpl === HYPERCALL_RING) {
      this.#events.hypercall();
      return 0;
    }
    // INT3, INTO and INT1 have one byte. (INT 3 written as two bytes has no other effect.)
    const length =
      vector === 3 || vector === 4 || event === 'privileged-software' ? ONE_BYTE : TWO_BYTES;
    this.#monitor.skip(-length);
    this.#goOn(traps.softwareInterrupt(vector, length));
    return 0;
  }

  systemCall(): number {
    const { word, traps, isKernelMode } = this.#events;
    // As on Intel's processors, 32-bit code has no SYSCALL.
    if (word === 32 || !this.#monitor.runs64BitCode) return this.#core.state.fault(VECTOR_UD, -1);
    this.#monitor.saveForSystemCall();
    if (isKernelMode) this.#events.hypercall();
    else this.#goOn(traps.systemCall(false));
    return 0;
  }
  systemEnter(): number {
    this.#goOn(this.#events.traps.systemEnter());
    return 0;
  }
  hypervisorCall(): number {
    return this.#core.state.fault(VECTOR_UD, -1);
  }
  /** The CPU does what is allowed, rather than fault and have it emulated. */
  checkPort(port: number, bytes: number): number {
    if (this.#events.traps.mayUsePort(port, bytes)) return 0;
    return this.#core.state.fault(VECTOR_GP, 0);
  }

  find(selector: number, into: DescriptorRecord): boolean {
    if ((selector & 0xfffc) === 0) return false;
    const at = this.#events.traps.descriptorAt(selector);
    if (at < 0) return false;
    into.at = at;
    into.low = this.#view.getInt32(at, true);
    into.high = this.#view.getInt32(at + 4, true);
    return true;
  }
  markAccessed({ at, high }: DescriptorRecord): void {
    this.#view.setInt32(at + 4, high, true);
  }

  accepts(): boolean {
    return true;
  }
  store(linear: number, size: number, low: number, high: number): boolean {
    return this.#events.traps.storeReadOnly(linear, size, low >>> 0, high >>> 0);
  }
}
