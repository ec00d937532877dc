// MmioCard: registers at a fixed place in memory, with a pin of the I/O APIC of their own; ACPI says where (LNRO0005).
import type { IrqLine, MmioDevice } from '../device.js';

export interface MmioRegisters {
  /** For errors and listings. */
  readonly name: string;
  readonly device: MmioDevice;
}

/** Makes the registers; called once. */
export type MmioCard = (interrupt: IrqLine) => MmioRegisters;
