// Pic: the two 8259A controllers of a PC, cascaded through IRQ2, and their trigger mode registers (ELCR).
// Ports 0x20-0x21 (master), 0xA0-0xA1 (slave), 0x4D0-0x4D1 (ELCR); all are 8 bits wide.
// Invariant: `output` is the level of the master's INT pin after every register access, line change and acknowledge.
import type { IrqLine, PortDevice, Stateful } from '../device.js';
import { StateReader } from '../state-reader.js';
import { Pic8259, type Pic8259State } from './pic-8259.js';

/** Saved state of {@link Pic}. */
export interface PicState {
  readonly version: 1;
  readonly master: Pic8259State;
  readonly slave: Pic8259State;
}

/** Master input the slave's INT pin is wired to. */
const CASCADE = 2;

/** The interrupt controllers of a PC/AT. */
export class Pic implements Stateful<PicState> {
  /** Claim at port 0x20, 2 ports. */
  readonly masterPorts: PortDevice;
  /** Claim at port 0xA0, 2 ports. */
  readonly slavePorts: PortDevice;
  /** Claim at port 0x4D0, 2 ports. */
  readonly elcrPorts: PortDevice;
  readonly #master: Pic8259 = new Pic8259(true, 0xf8);
  readonly #slave: Pic8259 = new Pic8259(false, 0xde);
  readonly #output: IrqLine;
  #outputLevel = false;

  /** `output` is wired to the CPU's INTR pin (or a local APIC's LINT0); the CPU answers with {@link Pic.acknowledge}. */
  constructor(output: IrqLine) {
    this.#output = output;
    this.masterPorts = this.#chipPorts(this.#master);
    this.slavePorts = this.#chipPorts(this.#slave);
    this.elcrPorts = {
      readPort: (offset) => (offset === 0 ? this.#master.elcr : this.#slave.elcr),
      writePort: (offset, _size, value) => {
        if (offset === 0) this.#master.elcr = value;
        else this.#slave.elcr = value;
        this.#update();
      },
    };
  }

  /** Sets the level of one interrupt line, 0-15; IRQ2 is the cascade and cannot be driven. */
  setIrq(irq: number, level: boolean): void {
    if (irq < 8) {
      if (irq !== CASCADE) this.#master.setLine(irq, level);
    } else {
      this.#slave.setLine(irq & 7, level);
    }
    this.#update();
  }

  /** Whether a request of `irq`, 0-15, has been latched, is not masked, and waits to be acknowledged. */
  waits(irq: number): boolean {
    return irq < 8 ? this.#master.waits(irq) : this.#slave.waits(irq & 7);
  }

  /** The line of one interrupt, 0-15 without 2, for a device to hold. */
  line(irq: number): IrqLine {
    if (!Number.isInteger(irq) || irq < 0 || irq > 15 || irq === CASCADE) {
      throw new RangeError(`pic: there is no interrupt line ${irq}; use 0-15 except 2`);
    }
    return (level) => this.setIrq(irq, level);
  }

  /**
   * The two INTA cycles: takes the highest request into service and returns its vector. When the request has gone meanwhile it
   * is the spurious vector, IRQ7 or IRQ15, with no bit in service on that controller.
   */
  acknowledge(): number {
    const input = this.#master.acknowledge();
    let vector: number;
    if (input === CASCADE && !this.#master.single) {
      const slaveInput = this.#slave.acknowledge();
      vector = this.#slave.vectorBase + (slaveInput < 0 ? 7 : slaveInput);
      this.#cascadeAfterAcknowledge();
    } else {
      vector = this.#master.vectorBase + (input < 0 ? 7 : input);
    }
    this.#update();
    return vector;
  }

  /** The level of the INT pin. */
  get pending(): boolean {
    return this.#outputLevel;
  }

  save(): PicState {
    return { version: 1, master: this.#master.save(), slave: this.#slave.save() };
  }

  /** Restores both controllers and drives `output` with the level that follows. */
  restore(state: unknown): void {
    new StateReader('pic', state, 1);
    const chips = state as Partial<PicState>;
    const applyMaster = this.#master.prepareRestore(chips.master);
    const applySlave = this.#slave.prepareRestore(chips.slave);
    applyMaster();
    applySlave();
    this.#outputLevel = this.#master.pending() >= 0;
    this.#output(this.#outputLevel);
  }

  #chipPorts(chip: Pic8259): PortDevice {
    return {
      readPort: (offset) => (chip.takePoll() ? this.#poll(chip) : chip.read(offset)),
      writePort: (offset, _size, value) => {
        chip.write(offset, value);
        this.#update();
      },
    };
  }

  /** The poll word: bit 7 set and the level, which is then in service; or no request. */
  #poll(chip: Pic8259): number {
    const input = chip.acknowledge();
    if (chip === this.#slave) this.#cascadeAfterAcknowledge();
    this.#update();
    return input < 0 ? 0x07 : 0x80 | input;
  }

  /** INT of the slave falls during an acknowledge and rises again if it has more: the master sees a new edge. */
  #cascadeAfterAcknowledge(): void {
    this.#master.setRequest(CASCADE, this.#slave.pending() >= 0);
  }

  #update(): void {
    this.#master.setLine(CASCADE, this.#slave.pending() >= 0);
    const level = this.#master.pending() >= 0;
    if (level === this.#outputLevel) return;
    this.#outputLevel = level;
    this.#output(level);
  }
}
