// ApicBus: how interrupt messages travel between I/O APICs, MSI-capable devices and local APICs (SDM 3A §11.6).
// Invariants: a message reaches every local APIC that its destination matches, or one of them when it asks for the lowest priority.

export const DELIVER_FIXED = 0;
export const DELIVER_LOWEST_PRIORITY = 1;
export const DELIVER_SMI = 2;
export const DELIVER_NMI = 4;
export const DELIVER_INIT = 5;
export const DELIVER_STARTUP = 6;
export const DELIVER_EXT_INT = 7;

/** One interrupt message. */
export interface ApicMessage {
  /** An APIC id, or in logical mode a set of processors; 0xFF (x2APIC: 0xFFFFFFFF) is everyone. */
  readonly destination: number;
  readonly logical: boolean;
  /** One of the `DELIVER_` numbers. */
  readonly mode: number;
  readonly vector: number;
  readonly levelTriggered: boolean;
  /** A local APIC that is left out ("all excluding self"). */
  readonly except?: ApicReceiver;
}

/** What senders need. */
export interface ApicBus {
  /** Sends a message; false when no local APIC took it. */
  deliver(message: ApicMessage): boolean;
  /** A local APIC finished a level-triggered interrupt. */
  endOfInterrupt(vector: number): void;
}

/** A local APIC, as the bus sees it. */
export interface ApicReceiver {
  /** Processor priority (PPR): the lower, the sooner it is chosen. */
  readonly priority: number;
  matches(destination: number, logical: boolean): boolean;
  /** Takes a message; false when the APIC is off. */
  receive(mode: number, vector: number, levelTriggered: boolean): boolean;
}

/** An I/O APIC, as the bus sees it. */
export interface EndOfInterruptListener {
  endOfInterrupt(vector: number): void;
}

/** Connects all APICs of one machine. */
export class SystemApicBus implements ApicBus {
  readonly #receivers: ApicReceiver[] = [];
  readonly #listeners: EndOfInterruptListener[] = [];

  attachLapic(lapic: ApicReceiver): void {
    this.#receivers.push(lapic);
  }

  attachIoapic(ioapic: EndOfInterruptListener): void {
    this.#listeners.push(ioapic);
  }

  deliver(message: ApicMessage): boolean {
    const { destination, logical, mode, vector, levelTriggered, except } = message;
    if (mode === DELIVER_LOWEST_PRIORITY) return this.#deliverLowest(message);
    let taken = false;
    for (const receiver of this.#receivers) {
      if (receiver === except || !receiver.matches(destination, logical)) continue;
      if (receiver.receive(mode, vector, levelTriggered)) taken = true;
    }
    return taken;
  }

  /** A message signalled interrupt: a device's write of `data` to `address` (0xFEExxxxx, SDM 3A §11.11). */
  deliverMsi(address: number, data: number): boolean {
    return this.deliver({
      destination: (address >>> 12) & 0xff,
      logical: (address & 4) !== 0,
      mode: (data >>> 8) & 7,
      vector: data & 0xff,
      levelTriggered: (data & 0x8000) !== 0,
    });
  }

  endOfInterrupt(vector: number): void {
    for (const listener of this.#listeners) listener.endOfInterrupt(vector);
  }

  #deliverLowest(message: ApicMessage): boolean {
    const candidates = this.#receivers.filter(
      (receiver) =>
        receiver !== message.except && receiver.matches(message.destination, message.logical),
    );
    candidates.sort((a, b) => a.priority - b.priority);
    return candidates.some((receiver) =>
      receiver.receive(DELIVER_LOWEST_PRIORITY, message.vector, message.levelTriggered),
    );
  }
}
