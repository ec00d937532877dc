// The PIIX3 ISA bridge (82371SB, function 0): routes PIRQA-D to ISA interrupts by its registers 0x60-0x63.
// Its interrupt trigger mode registers (ELCR, 0x4D0) belong to the PIC.
import { PCI_IRQS } from './board-addresses.js';
import { PciDevice } from './pci-device.js';

const PIRQ_ROUTE = 0x60;
const ROUTE_DISABLED = 0x80;
/** ISA interrupts a PIRQ may be routed to: 3-7, 9-12, 14, 15. */
const ROUTABLE = 0xdef8;

/** The bridge and its router. */
export class Piix3 {
  /** Plug it in as function 0 of the ISA bridge device. */
  readonly pci: PciDevice;
  readonly #isaIrq: (irq: number, level: boolean) => void;
  readonly #levels: boolean[] = [false, false, false, false];
  /** ISA interrupts that are asserted through a route, one bit each. */
  #driven = 0;

  /**
   * `isaIrq` hears the level of each ISA interrupt that PCI drives. With `routed` the routes are those firmware would program
   * ({@link PCI_IRQS}); else they start disabled, as after a hardware reset.
   */
  constructor(isaIrq: (irq: number, level: boolean) => void, routed: boolean) {
    this.#isaIrq = isaIrq;
    this.pci = new PciDevice('PIIX3 ISA bridge', {
      vendorId: 0x8086,
      deviceId: 0x7000,
      classCode: 0x060100,
    });
    this.pci.preset(0x04, 4, 0x02000007); // decoding and mastering are always on; medium DEVSEL timing
    this.pci.preset(0x4c, 4, 0x0003004d); // ISA recovery times, chip selects for RTC and keyboard
    this.pci.allowWrites(0x4e, 2, 0xffff);
    this.pci.allowWrites(0x82, 1, 0x0f); // passive release and delayed transactions: kept, without effect
    for (let i = 0; i < 4; i++) {
      this.pci.preset(PIRQ_ROUTE + i, 1, routed ? PCI_IRQS[i] : ROUTE_DISABLED);
      this.pci.allowWrites(PIRQ_ROUTE + i, 1, 0x8f);
    }
    this.pci.onConfigWritten = () => this.#route();
  }

  /** PIRQA-D (0-3) changed its level. */
  setPirq(index: number, level: boolean): void {
    this.#levels[index] = level;
    this.#route();
  }

  #route(): void {
    let driven = 0;
    for (let i = 0; i < 4; i++) {
      const route = this.pci.configAt(PIRQ_ROUTE + i, 1);
      if (this.#levels[i] && (route & ROUTE_DISABLED) === 0)
        driven |= (1 << (route & 0xf)) & ROUTABLE;
    }
    const changed = driven ^ this.#driven;
    this.#driven = driven;
    for (let irq = 3; irq < 16; irq++) {
      if (changed & (1 << irq)) this.#isaIrq(irq, (driven & (1 << irq)) !== 0);
    }
  }
}
