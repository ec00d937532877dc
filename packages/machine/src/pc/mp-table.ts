// The Intel MultiProcessor table (MP specification 1.4 §4): how a guest without ACPI finds its APICs and their wiring.
// It must say the same as the MADT and _PRT (acpi-tables.ts, acpi-dsdt.ts).

import { littleEndian } from './aml.js';
import { IOAPIC_BASE, LAPIC_BASE, PCI_IRQS, pirqOf, SCI_IRQ } from './board-addresses.js';

const PCI_BUS = 0;
const ISA_BUS = 1;
const INT = 0;
const NMI = 1;
const EXT_INT = 3;
const EVERY_LAPIC = 0xff;
const LAPIC_VERSION = 0x14;
const IOAPIC_VERSION = 0x20;
/** I/O interrupt flags: polarity (bits 0-1) and trigger (bits 2-3); 0 conforms to the bus. */
const LEVEL_ACTIVE_HIGH = 0x0d;
const FLOATING_POINTER_BYTES = 16;

/** What the table describes. */
export interface MpTableOptions {
  /** Guest-physical address, 16-byte aligned: the last KiB of base memory or 0xF0000-0xFFFFF, where guests search. */
  readonly base: number;
  readonly cpuCount: number;
  /** The I/O APIC's id: no processor's, so `cpuCount` by default. */
  readonly ioapicId?: number;
  /** CPUID leaf 1 EAX (stepping, model, family) and EDX (features), for the processor entries. */
  readonly cpuSignature: number;
  readonly cpuFeatures: number;
  /** Device numbers on PCI bus 0 whose interrupt pins are listed; all of them when left out. */
  readonly pciDevices?: readonly number[];
}

/** The floating pointer structure followed by the configuration table; goes to `base` as it is. */
export function buildMpTable(options: MpTableOptions): Uint8Array {
  if (!Number.isInteger(options.base) || options.base < 0 || options.base % 16 !== 0) {
    throw new RangeError(`an MP table must start on a 16-byte boundary, got ${options.base}`);
  }
  const ioapicId = options.ioapicId ?? options.cpuCount;
  if (!(options.cpuCount >= 1 && ioapicId >= options.cpuCount && ioapicId < 0xff)) {
    throw new RangeError(
      `an MP table describes 1-254 processors, with an I/O APIC id above theirs; got ${options.cpuCount}`,
    );
  }
  const entries: number[][] = [];
  for (let cpu = 0; cpu < options.cpuCount; cpu++) {
    const bootstrap = cpu === 0 ? 0x02 : 0;
    entries.push([
      0,
      cpu,
      LAPIC_VERSION,
      0x01 | bootstrap,
      ...littleEndian(options.cpuSignature, 4),
      ...littleEndian(options.cpuFeatures, 4),
      ...new Array<number>(8).fill(0),
    ]);
  }
  entries.push([1, PCI_BUS, ...ascii('PCI   ')], [1, ISA_BUS, ...ascii('ISA   ')]);
  entries.push([2, ioapicId, IOAPIC_VERSION, 0x01, ...littleEndian(IOAPIC_BASE, 4)]);
  entries.push(
    ...ioInterrupts(ioapicId, options.pciDevices ?? Array.from({ length: 32 }, (_, i) => i)),
  );
  entries.push([4, EXT_INT, 0, 0, ISA_BUS, 0, EVERY_LAPIC, 0]);
  entries.push([4, NMI, 0, 0, ISA_BUS, 0, EVERY_LAPIC, 1]);
  return assemble(options.base, entries);
}

/** Type 3 entries: source bus and interrupt → I/O APIC pin. ISA 0 is on pin 2; ISA 2 is the PIC cascade and nowhere. */
function ioInterrupts(ioapicId: number, pciDevices: readonly number[]): number[][] {
  const entries: number[][] = [];
  for (const device of pciDevices) {
    for (let pin = 0; pin < 4; pin++) {
      const gsi = PCI_IRQS[pirqOf(device, pin)];
      // PCI's bus default would be active low; the I/O APIC here sees asserted levels, so polarity does not matter.
      entries.push([3, INT, 0, 0, PCI_BUS, (device << 2) | pin, ioapicId, gsi]);
    }
  }
  for (let irq = 0; irq < 16; irq++) {
    if (irq === 2 || PCI_IRQS.includes(irq)) continue;
    const flags = irq === SCI_IRQ ? LEVEL_ACTIVE_HIGH : 0;
    entries.push([3, INT, flags, 0, ISA_BUS, irq, ioapicId, irq === 0 ? 2 : irq]);
  }
  return entries;
}

function assemble(base: number, entries: readonly number[][]): Uint8Array {
  const body = entries.flat();
  const table = [
    ...ascii('PCMP'),
    ...littleEndian(44 + body.length, 2),
    4, // specification 1.4
    0, // checksum
    ...ascii('PROXENY '),
    ...ascii('PC          '),
    ...littleEndian(0, 4),
    ...littleEndian(0, 2),
    ...littleEndian(entries.length, 2),
    ...littleEndian(LAPIC_BASE, 4),
    ...littleEndian(0, 4),
    ...body,
  ];
  table[7] = checksum(table);
  const pointer = [
    ...ascii('_MP_'),
    ...littleEndian(base + FLOATING_POINTER_BYTES, 4),
    1, // length in paragraphs
    4, // specification 1.4
    0, // checksum
    0, // a configuration table is present
    0, // no IMCR: virtual wire mode
    0,
    0,
    0,
  ];
  pointer[10] = checksum(pointer);
  return new Uint8Array([...pointer, ...table]);
}

function ascii(text: string): number[] {
  return Array.from(text, (c) => c.charCodeAt(0));
}

function checksum(bytes: readonly number[]): number {
  return -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff;
}
