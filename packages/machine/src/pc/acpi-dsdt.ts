// The DSDT's body: sleep states, processors, the PCI root with its windows and interrupt routing, and the ISA devices an
// operating system looks for by PNP id. Everything is static: no method touches hardware, so there is nothing to race with.
import { type Aml, device, eisaId, integer, name, pkg, scope, string, terms } from './aml.js';
import {
  busRange,
  interrupt,
  io,
  ioWindow,
  irq,
  memory,
  memoryWindow,
  memoryWindow64,
  resources,
} from './aml-resource.js';
import {
  ACPI_PM_BASE,
  ISA_BRIDGE_DEVICE,
  PCI_IRQS,
  pirqOf,
  S5_SLEEP_TYPE,
  VIRTIO_MMIO_BASE,
  VIRTIO_MMIO_BYTE_LENGTH,
  VIRTIO_MMIO_FIRST_PIN,
} from './board-addresses.js';

/** A range of guest-physical addresses, both ends included. */
export interface AddressWindow {
  readonly first: number;
  readonly last: number;
}

/** A 16550 UART as ACPI announces it. */
export interface SerialPort {
  /** First of eight ports. */
  readonly port: number;
  readonly irq: number;
}

/** What the DSDT says about this machine. */
export interface DsdtOptions {
  readonly cpuCount: number;
  /** Addresses PCI memory BARs may take: below 4 GiB, outside of RAM and of the APICs. */
  readonly pciWindow: AddressWindow;
  /** The same above 4 GiB, when there is one. */
  readonly pciWindow64?: AddressWindow;
  readonly serialPorts: readonly SerialPort[];
  /** Whether there is an i8042 with keyboard (and auxiliary) port. */
  readonly keyboard: boolean;
  /** Virtio devices in memory; none if left out. */
  readonly virtioMmioCount?: number;
}

/** The AML of the DSDT, without the table header. */
export function buildDsdtBody(options: DsdtOptions): Aml {
  const s5 = integer(S5_SLEEP_TYPE);
  return terms(
    name('\\_S5', pkg(s5, s5, integer(0), integer(0))),
    scope(
      '\\_SB',
      ...processorDevices(options.cpuCount),
      pciRoot(options),
      ...virtioDevices(options.virtioMmioCount ?? 0),
    ),
  );
}

/** A processor device for each vCPU, `CP00` on. */
export function processorDevices(count: number): Aml[] {
  const devices: Aml[] = [];
  for (let i = 0; i < count; i++) {
    const suffix = i.toString(16).toUpperCase().padStart(2, '0');
    devices.push(device(`CP${suffix}`, name('_HID', string('ACPI0007')), name('_UID', integer(i))));
  }
  return devices;
}

/** Virtio devices in memory, `VR00` on. */
function virtioDevices(count: number): Aml[] {
  return Array.from({ length: count }, (_, i) =>
    device(
      `VR${i.toString(16).toUpperCase().padStart(2, '0')}`,
      name('_HID', string('LNRO0005')),
      name('_UID', integer(i)),
      name(
        '_CRS',
        resources(
          memory(VIRTIO_MMIO_BASE + i * VIRTIO_MMIO_BYTE_LENGTH, VIRTIO_MMIO_BYTE_LENGTH),
          interrupt(VIRTIO_MMIO_FIRST_PIN + i),
        ),
      ),
    ),
  );
}

function pciRoot(options: DsdtOptions): Aml {
  const { pciWindow, pciWindow64 } = options;
  const windows = [
    busRange(0, 0xff),
    io(0xcf8, 8),
    ioWindow(0, 0xcf7),
    ioWindow(0xd00, 0xffff),
    memoryWindow(0xa0000, 0xbffff, true),
    memoryWindow(pciWindow.first, pciWindow.last),
  ];
  if (pciWindow64 !== undefined) windows.push(memoryWindow64(pciWindow64.first, pciWindow64.last));
  return device(
    'PCI0',
    name('_HID', eisaId('PNP0A03')),
    name('_UID', integer(0)),
    name('_BBN', integer(0)),
    name('_CRS', resources(...windows)),
    name('_PRT', interruptRouting()),
    systemResources(),
    isaBridge(options),
  );
}

/**
 * _PRT (ACPI §6.2.13): device, pin, no link device, global interrupt. PIRQA-D reach the same ISA interrupt in PIC and in I/O APIC
 * mode, so one table serves both.
 */
function interruptRouting(): Aml {
  const entries: Aml[] = [];
  for (let slot = 0; slot < 32; slot++) {
    for (let pin = 0; pin < 4; pin++) {
      const gsi = PCI_IRQS[pirqOf(slot, pin)];
      entries.push(pkg(integer(slot * 0x10000 + 0xffff), integer(pin), integer(0), integer(gsi)));
    }
  }
  return pkg(...entries);
}

/** Ports no driver may take: fast A20, APM, PIC trigger mode, power management. (Kernels claim the APICs' pages by themselves.) */
function systemResources(): Aml {
  return device(
    'SYSR',
    name('_HID', eisaId('PNP0C02')),
    name('_UID', integer(1)),
    name('_CRS', resources(io(0x92, 1), io(0xb2, 2), io(0x4d0, 2), io(ACPI_PM_BASE, 0x40))),
  );
}

function isaBridge(options: DsdtOptions): Aml {
  const devices = [
    isaDevice('PIC', 'PNP0000', io(0x20, 2), io(0xa0, 2), irq(2)),
    isaDevice('TIMR', 'PNP0100', io(0x40, 4), irq(0)),
    isaDevice('SPKR', 'PNP0800', io(0x61, 1)),
    isaDevice('RTC', 'PNP0B00', io(0x70, 2), irq(8)),
    isaDevice('FPU', 'PNP0C04', io(0xf0, 16), irq(13)),
  ];
  if (options.keyboard) {
    devices.push(
      isaDevice('KBD', 'PNP0303', io(0x60, 1), io(0x64, 1), irq(1)),
      isaDevice('MOU', 'PNP0F13', irq(12)),
    );
  }
  options.serialPorts.forEach((serial, i) => {
    devices.push(
      device(
        `COM${i + 1}`,
        name('_HID', eisaId('PNP0501')),
        name('_UID', integer(i + 1)),
        name('_CRS', resources(io(serial.port, 8), irq(serial.irq))),
      ),
    );
  });
  return device('ISA', name('_ADR', integer(ISA_BRIDGE_DEVICE * 0x10000)), ...devices);
}

function isaDevice(at: string, id: string, ...uses: readonly Aml[]): Aml {
  return device(at, name('_HID', eisaId(id)), name('_CRS', resources(...uses)));
}
