// PIIX APM control and status ports 0xB2-0xB3: the FADT's SMI_CMD. There is no system management mode here; the two commands the
// FADT names are carried out by the board itself.
import type { PortDevice, Stateful } from '../device.js';
import { StateReader } from '../state-reader.js';
import { ACPI_DISABLE_COMMAND, ACPI_ENABLE_COMMAND } from './board-addresses.js';

/** Saved state of an {@link ApmControl}. */
export interface ApmControlState {
  readonly version: 1;
  readonly control: number;
  readonly status: number;
}

/** Two ports: control (a write "raises an SMI") and status (a scratch byte). */
export class ApmControl implements PortDevice, Stateful<ApmControlState> {
  readonly #setAcpiEnabled: (enabled: boolean) => void;
  #control = 0;
  #status = 0;

  /** `setAcpiEnabled` hears the ACPI enable and disable commands. */
  constructor(setAcpiEnabled: (enabled: boolean) => void) {
    this.#setAcpiEnabled = setAcpiEnabled;
  }

  reset(): void {
    this.#control = 0;
    this.#status = 0;
  }

  readPort(offset: number, size: 1 | 2 | 4): number {
    if (size === 1) return offset === 0 ? this.#control : this.#status;
    return this.#control | (this.#status << 8);
  }

  writePort(offset: number, size: 1 | 2 | 4, value: number): void {
    if (offset === 1 || size > 1) this.#status = (offset === 1 ? value : value >>> 8) & 0xff;
    if (offset !== 0) return;
    this.#control = value & 0xff;
    if (this.#control === ACPI_ENABLE_COMMAND) this.#setAcpiEnabled(true);
    else if (this.#control === ACPI_DISABLE_COMMAND) this.#setAcpiEnabled(false);
  }

  save(): ApmControlState {
    return { version: 1, control: this.#control, status: this.#status };
  }

  restore(state: unknown): void {
    const reader = new StateReader('APM control', state, 1);
    const control = reader.u8('control');
    const status = reader.u8('status');
    this.#control = control;
    this.#status = status;
  }
}
