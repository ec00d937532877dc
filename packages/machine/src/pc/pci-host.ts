// PciHost: PCI configuration mechanism 1 (PCI Local Bus 3.0 §3.2.2.3.2), ports 0xCF8-0xCFF, one bus of 32 devices with 8 functions,
// and the wired-OR of their INTx pins onto PIRQA-D. Absent functions read all ones.
import type { AccessSize, PortDevice, Stateful } from '../device.js';
import { StateReader } from '../state-reader.js';
import { pirqOf } from './board-addresses.js';
import type { PciDevice } from './pci-device.js';

export const PCI_HOST_PORT = 0xcf8;
export const PCI_HOST_PORT_COUNT = 8;

const ENABLE = 0x80000000;
const DATA = 4;

/** What {@link PciHost} is wired to. */
export interface PciHostOptions {
  /** PIRQA-D (0-3) changed its level; the ISA bridge routes it. */
  readonly pirq: (index: number, level: boolean) => void;
  /** Answers byte accesses to port 0xCF9, if there is one. */
  readonly resetControl?: PortDevice;
}

/** Saved state of a {@link PciHost}: the address register. Each function saves itself. */
export interface PciHostState {
  readonly version: 1;
  readonly address: number;
}

/** Bus 0. */
export class PciHost implements PortDevice, Stateful<PciHostState> {
  readonly #functions: (PciDevice | null)[] = new Array(256).fill(null);
  readonly #asserted: Uint16Array = new Uint16Array(4);
  readonly #pirq: (index: number, level: boolean) => void;
  readonly #resetControl: PortDevice | null;
  #address = 0;

  constructor(options: PciHostOptions) {
    this.#pirq = options.pirq;
    this.#resetControl = options.resetControl ?? null;
  }

  /** Plugs a function in and wires its interrupt pin. Throws when the place is taken or function 0 is missing. */
  add(device: number, fn: number, pci: PciDevice): void {
    if (!(device >= 0 && device < 32 && fn >= 0 && fn < 8)) {
      throw new RangeError(`${pci.name}: there is no PCI device ${device} function ${fn} on a bus`);
    }
    const at = device * 8 + fn;
    const there = this.#functions[at];
    if (there !== null) {
      throw new RangeError(`${pci.name}: PCI place ${device}.${fn} is taken by ${there.name}`);
    }
    if (fn > 0) {
      const first = this.#functions[device * 8];
      if (first === null) {
        throw new RangeError(
          `${pci.name}: PCI device ${device} needs a function 0 before function ${fn}`,
        );
      }
      first.setMultifunction();
    }
    this.#functions[at] = pci;
    if (pci.interruptPin === 0) return;
    const pirq = pirqOf(device, pci.interruptPin - 1);
    let asserted = false;
    pci.connect((level) => {
      if (level === asserted) return;
      asserted = level;
      this.#asserted[pirq] += level ? 1 : -1;
      this.#pirq(pirq, this.#asserted[pirq] > 0);
    });
  }

  /** The lowest device number from `from` on without a function, or -1. */
  freeDevice(from = 2): number {
    for (let device = from; device < 32; device++) {
      if (this.#functions[device * 8] === null) return device;
    }
    return -1;
  }

  /** Every function that is plugged in, in configuration order. */
  functions(): { readonly device: number; readonly fn: number; readonly pci: PciDevice }[] {
    return this.#functions.flatMap((pci, at) =>
      pci === null ? [] : [{ device: at >> 3, fn: at & 7, pci }],
    );
  }

  /** Resets the address register; the functions are reset by their owner. */
  reset(): void {
    this.#address = 0;
  }

  readPort(offset: number, size: AccessSize): number {
    if (offset >= DATA) {
      const pci = this.#selected();
      return pci === null
        ? 0xffffffff >>> (32 - 8 * size)
        : pci.readConfig(this.#register(offset), size);
    }
    if (offset === 0 && size === 4) return this.#address;
    // Only dword accesses reach the address register; port 0xCF9 is the reset control.
    if (offset === 1 && size === 1 && this.#resetControl !== null) {
      return this.#resetControl.readPort(0, 1);
    }
    return 0xffffffff >>> (32 - 8 * size);
  }

  writePort(offset: number, size: AccessSize, value: number): void {
    if (offset >= DATA) this.#selected()?.writeConfig(this.#register(offset), size, value);
    else if (offset === 0 && size === 4) this.#address = (value & 0x80fffffc) >>> 0;
    else if (offset === 1 && size === 1) this.#resetControl?.writePort(0, 1, value);
  }

  save(): PciHostState {
    return { version: 1, address: this.#address };
  }

  restore(state: unknown): void {
    this.#address = (new StateReader('PCI host', state, 1).u32('address') & 0x80fffffc) >>> 0;
  }

  #selected(): PciDevice | null {
    const address = this.#address;
    if (address < ENABLE || (address & 0xff0000) !== 0) return null;
    return this.#functions[(address >>> 8) & 0xff];
  }

  #register(offset: number): number {
    return (this.#address & 0xfc) + (offset - DATA);
  }
}
