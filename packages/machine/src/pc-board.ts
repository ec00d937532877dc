// The PC board: which devices there are, at which ports and addresses, and which line leads where. Wiring only.
import type { GuestMemory } from '@proxeny/memory';
import { MmioBus, PortBus } from './bus.js';
import { ACPI_PM_PORT_COUNT, AcpiPm } from './pc/acpi-pm.js';
import { SystemApicBus } from './pc/apic-bus.js';
import { ApmControl } from './pc/apm-control.js';
import {
  IOAPIC_BASE,
  IOAPIC_BYTE_LENGTH,
  ISA_BRIDGE_DEVICE,
  LAPIC_BASE,
  LAPIC_BYTE_LENGTH,
  SCI_IRQ,
  SMI_COMMAND_PORT,
  VIRTIO_MMIO_BASE,
  VIRTIO_MMIO_BYTE_LENGTH,
  VIRTIO_MMIO_FIRST_PIN,
} from './pc/board-addresses.js';
import { movableMemory, movablePorts } from './pc/bus-window.js';
import { DebugConsolePort, DebugExitPort } from './pc/debug-ports.js';
import { Dma8237 } from './pc/dma-8237.js';
import { FW_CFG_PORT, FW_CFG_PORT_COUNT, FwCfg } from './pc/fw-cfg.js';
import { createI440fx } from './pc/i440fx.js';
import { I8042 } from './pc/i8042.js';
import { Ioapic } from './pc/ioapic.js';
import { Lapic, type LapicCpu, TAKE_FROM_PIC } from './pc/lapic.js';
import { LapicMsr } from './pc/lapic-msr.js';
import type { MmioCard } from './pc/mmio-card.js';
import { assignPciResources } from './pc/pci-assign.js';
import type { PciCard } from './pc/pci-card.js';
import { PCI_HOST_PORT, PCI_HOST_PORT_COUNT, PciHost } from './pc/pci-host.js';
import { Pic } from './pc/pic.js';
import { Piix3 } from './pc/piix3.js';
import { createPiix4Pm } from './pc/piix4-pm.js';
import { Pit } from './pc/pit.js';
import { Port61 } from './pc/port-61.js';
import { Port92 } from './pc/port-92.js';
import { PostPort } from './pc/post-port.js';
import { ResetControl } from './pc/reset-control.js';
import { Rtc } from './pc/rtc.js';
import { Uart } from './pc/uart.js';
import type { TimerQueue } from './timer-queue.js';

/** The four serial ports' first ports and interrupts. */
export const SERIAL_PORTS: readonly { readonly port: number; readonly irq: number }[] = [
  { port: 0x3f8, irq: 4 },
  { port: 0x2f8, irq: 3 },
  { port: 0x3e8, irq: 4 },
  { port: 0x2e8, irq: 3 },
];

/** Bits 20-31 of an address that messages to local APICs go to. */
const MSI_ADDRESS = 0xfee;

export interface PcBoardOptions {
  readonly timers: TimerQueue;
  readonly memory: GuestMemory;
  /** Bytes of RAM below and above 4 GiB. */
  readonly ram: { readonly below4GiB: number; readonly above4GiB: number };
  /** The CPU model has a local APIC. */
  readonly apic: boolean;
  readonly x2apic: boolean;
  readonly tscHz: number;
  /** Where PCI memory BARs go, both ends included. */
  readonly pciWindow: { readonly first: number; readonly last: number };
  /** Firmware runs and programs PCI itself. */
  readonly firmware: boolean;
  /** What is plugged into the PCI bus, in the order of its slots. */
  readonly cards: readonly PciCard[];
  /** Registers in memory: at most as many as the I/O APIC has pins for. */
  readonly mmioCards: readonly MmioCard[];
  readonly wallClockMs: () => number;
  /** A byte leaves serial port `index`. */
  readonly transmit: (index: number, byte: number) => void;
  /** A byte written to a debug port (0xE9, 0x402). */
  readonly debug: (byte: number) => void;
  readonly powerOff: () => void;
  readonly reset: () => void;
  /** isa-debug-exit: the guest's exit code. */
  readonly debugExit: (code: number) => void;
  readonly setA20: (open: boolean) => void;
  /** The CPU's INTR line, NMI and INIT. */
  readonly interrupt: (level: boolean) => void;
  readonly nmi: () => void;
  readonly init: () => void;
}

/** The board's devices and buses. */
export class PcBoard {
  readonly ports: PortBus = new PortBus();
  readonly mmio: MmioBus = new MmioBus();
  readonly pic: Pic;
  readonly pit: Pit;
  readonly rtc: Rtc;
  readonly uarts: readonly Uart[];
  readonly lapic: Lapic | null;
  readonly lapicMsr: LapicMsr | null;
  readonly ioapic: Ioapic | null;
  readonly pci: PciHost;
  readonly acpiPm: AcpiPm;
  readonly fwCfg: FwCfg;
  readonly i8042: I8042;
  readonly #interrupt: (level: boolean) => void;

  constructor(options: PcBoardOptions) {
    const { timers, ports, mmio } = { timers: options.timers, ports: this.ports, mmio: this.mmio };
    this.#interrupt = options.interrupt;
    let lapic: Lapic | null = null;
    const apicBus = new SystemApicBus();
    if (options.apic) {
      const cpu: LapicCpu = {
        interruptPending: () => options.interrupt(true),
        nmi: options.nmi,
        smi: () => {},
        init: options.init,
        startup: () => {},
      };
      const tsc = { nsAtTsc: (t: number) => (t * 1e9) / options.tscHz };
      lapic = new Lapic({ id: 0, bootstrap: true, bus: apicBus, cpu, timers, tsc });
      apicBus.attachLapic(lapic);
      mmio.claim({
        name: 'local APIC',
        base: LAPIC_BASE,
        byteLength: LAPIC_BYTE_LENGTH,
        device: lapic,
      });
    }
    this.lapic = lapic;
    this.lapicMsr = lapic ? new LapicMsr(lapic, options.x2apic) : null;
    this.pic = new Pic((level) => (lapic ? lapic.lint0(level) : options.interrupt(level)));
    this.ioapic = options.apic ? new Ioapic(apicBus, 1) : null;
    if (this.ioapic) {
      apicBus.attachIoapic(this.ioapic);
      mmio.claim({
        name: 'I/O APIC',
        base: IOAPIC_BASE,
        byteLength: IOAPIC_BYTE_LENGTH,
        device: this.ioapic,
      });
    }
    const isa =
      (irq: number) =>
      (level: boolean): void =>
        this.#isaIrq(irq, level);

    ports.claim({
      name: '8259 master',
      first: 0x20,
      count: 2,
      width: 1,
      device: this.pic.masterPorts,
    });
    ports.claim({
      name: '8259 slave',
      first: 0xa0,
      count: 2,
      width: 1,
      device: this.pic.slavePorts,
    });
    ports.claim({ name: 'ELCR', first: 0x4d0, count: 2, width: 1, device: this.pic.elcrPorts });
    this.pit = new Pit(timers, isa(0), () => this.#timerWaits());
    ports.claim({ name: '8254', first: 0x40, count: 4, width: 1, device: this.pit });
    ports.claim({
      name: 'port 61h',
      first: 0x61,
      count: 1,
      width: 1,
      device: new Port61(this.pit),
    });
    this.rtc = new Rtc({
      timers,
      irq: isa(8),
      wallClockMs: options.wallClockMs,
      memory: options.ram,
    });
    ports.claim({ name: 'RTC', first: 0x70, count: 2, width: 1, device: this.rtc });
    this.uarts = SERIAL_PORTS.map(({ port, irq }, index) => {
      const uart = new Uart({
        name: `COM${index + 1}`,
        timers,
        irq: this.#shared(irq, index),
        transmit: (byte) => options.transmit(index, byte),
      });
      ports.claim({ name: `COM${index + 1}`, first: port, count: 8, width: 1, device: uart });
      return uart;
    });
    this.i8042 = new I8042({
      keyboardIrq: isa(1),
      mouseIrq: isa(12),
      setA20: options.setA20,
      reset: options.reset,
    });
    ports.claim({
      name: 'i8042 data',
      first: 0x60,
      count: 1,
      width: 1,
      device: this.i8042.dataPort,
    });
    ports.claim({
      name: 'i8042 command',
      first: 0x64,
      count: 1,
      width: 1,
      device: this.i8042.commandPort,
    });
    ports.claim({
      name: 'port 92h',
      first: 0x92,
      count: 1,
      width: 1,
      device: new Port92({ setA20: options.setA20, reset: options.reset }),
    });
    const dma = new Dma8237();
    ports.claim({ name: 'DMA 1', first: 0x00, count: 16, width: 1, device: dma.lowPorts });
    ports.claim({ name: 'DMA 2', first: 0xc0, count: 32, width: 1, device: dma.highPorts });
    ports.claim({ name: 'DMA pages', first: 0x81, count: 15, width: 1, device: dma.pagePorts });
    ports.claim({ name: 'POST code', first: 0x80, count: 1, width: 1, device: new PostPort() });
    ports.claim({
      name: 'debug console',
      first: 0xe9,
      count: 1,
      width: 1,
      device: new DebugConsolePort(options.debug),
    });
    ports.claim({
      name: 'SeaBIOS debug console',
      first: 0x402,
      count: 1,
      width: 1,
      device: new DebugConsolePort(options.debug),
    });
    ports.claim({
      name: 'debug exit',
      first: 0xf4,
      count: 4,
      width: 4,
      device: new DebugExitPort(options.debugExit),
    });

    const piix3 = new Piix3((irq, level) => this.#isaIrq(irq, level), !options.firmware);
    const resetControl = new ResetControl(() => options.reset());
    this.pci = new PciHost({ pirq: (index, level) => piix3.setPirq(index, level), resetControl });
    ports.claim({
      name: 'PCI host',
      first: PCI_HOST_PORT,
      count: PCI_HOST_PORT_COUNT,
      width: 4,
      device: this.pci,
    });
    this.pci.add(
      0,
      0,
      createI440fx(() => {}),
    );
    this.pci.add(ISA_BRIDGE_DEVICE, 0, piix3.pci);
    this.acpiPm = new AcpiPm({ timers, sci: isa(SCI_IRQ), powerOff: options.powerOff });
    const pmWindow = movablePorts(
      ports,
      { name: 'ACPI PM', count: ACPI_PM_PORT_COUNT, width: 4 },
      this.acpiPm,
    );
    this.pci.add(ISA_BRIDGE_DEVICE, 3, createPiix4Pm(pmWindow, !options.firmware));
    const apm = new ApmControl((enabled) => this.acpiPm.setAcpiEnabled(enabled));
    ports.claim({ name: 'APM control', first: SMI_COMMAND_PORT, count: 2, width: 1, device: apm });
    for (const card of options.cards) this.#plug(card, apicBus);
    for (const [index, card] of options.mmioCards.entries()) this.#place(card, index);
    if (!options.firmware) {
      // What firmware would leave behind: PCI interrupts and the SCI are level-triggered.
      this.pic.elcrPorts.writePort(1, 1, 0x0e);
      assignPciResources(this.pci, {
        io: { first: 0x1000, last: 0xffff },
        memory: options.pciWindow,
      });
    }
    this.fwCfg = new FwCfg(options.memory);
    ports.claim({
      name: 'fw_cfg',
      first: FW_CFG_PORT,
      count: FW_CFG_PORT_COUNT,
      width: 4,
      device: this.fwCfg,
    });
  }

  /** @throws RangeError if no slot is free */
  #plug(card: PciCard, apicBus: SystemApicBus): void {
    const pci = card({
      memory: (name, byteLength, device) => movableMemory(this.mmio, { name, byteLength }, device),
      // A message to any other address would be a store to memory, which nobody asks of a device.
      sendMessage: (low, high, data) => {
        if (high === 0 && low >>> 20 === MSI_ADDRESS) apicBus.deliverMsi(low, data);
      },
    });
    const slot = this.pci.freeDevice();
    if (slot < 0) throw new RangeError(`${pci.name}: the PCI bus has no free slot`);
    this.pci.add(slot, 0, pci);
  }

  #place(card: MmioCard, index: number): void {
    const pin = VIRTIO_MMIO_FIRST_PIN + index;
    this.mmio.claim({
      ...card((level) => this.ioapic?.setPin(pin, level)),
      base: VIRTIO_MMIO_BASE + index * VIRTIO_MMIO_BYTE_LENGTH,
      byteLength: VIRTIO_MMIO_BYTE_LENGTH,
    });
  }

  /** An ISA interrupt reaches the PIC and the I/O APIC (IRQ 0 is wired to its pin 2, as the MADT says). */
  #isaIrq(irq: number, level: boolean): void {
    this.pic.setIrq(irq, level);
    this.ioapic?.setPin(irq === 0 ? 2 : irq, level);
  }
  /** Whether the timer's interrupt has reached a controller and waits for the CPU. */
  #timerWaits(): boolean {
    const vector = this.ioapic?.vectorOf(2) ?? -1;
    return vector < 0 ? this.pic.waits(0) : this.lapic?.waits(vector) === true;
  }
  readonly #sharers = new Map<number, number>();
  /** A line that several devices drive: asserted while any of them asserts it. */
  #shared(irq: number, member: number): (level: boolean) => void {
    return (level) => {
      const before = this.#sharers.get(irq) ?? 0;
      const after = level ? before | (1 << member) : before & ~(1 << member);
      this.#sharers.set(irq, after);
      if ((before !== 0) !== (after !== 0)) this.#isaIrq(irq, after !== 0);
    };
  }

  /** The vector of the interrupt that the CPU takes now, -1 if there is none any more. */
  acknowledge(): number {
    const { lapic, pic } = this;
    if (lapic === null) return pic.pending ? pic.acknowledge() : -1;
    if (!lapic.interruptPending) {
      this.#interrupt(false);
      return -1;
    }
    const vector = lapic.acknowledge();
    this.#interrupt(lapic.interruptPending);
    return vector === TAKE_FROM_PIC ? pic.acknowledge() : vector;
  }
}
