// ACPI tables of the PC (ACPI 6.4 §5.2): RSDP, RSDT, XSDT, FADT, FACS, MADT and DSDT, laid out as one block of bytes.
// Invariants: every pointer between tables is also listed in `pointers`, so that a firmware that places the tables itself
// (SeaBIOS, see acpi-loader.ts) can relocate them; all checksums are right for `base`.
import { buildDsdtBody, type DsdtOptions } from './acpi-dsdt.js';
import {
  ACPI_HEADER_BYTES,
  AcpiTableBlock,
  type AcpiTables,
  RSDP_BYTES,
} from './acpi-table-block.js';
import {
  ACPI_DISABLE_COMMAND,
  ACPI_ENABLE_COMMAND,
  ACPI_PM_BASE,
  IOAPIC_BASE,
  LAPIC_BASE,
  RESET_CONTROL_PORT,
  RESET_CONTROL_VALUE,
  SCI_IRQ,
  SMI_COMMAND_PORT,
} from './board-addresses.js';

/** What the tables describe, and where they go. */
export interface AcpiTableOptions extends DsdtOptions {
  /** Guest-physical address of the block: 64-byte aligned, in 0xE0000-0xFFFFF when the guest is to find the RSDP by itself. */
  readonly base: number;
  /** Width of the PM timer, as given to the AcpiPm device; 24 when left out. */
  readonly pmTimerBits?: 24 | 32;
  /** The I/O APIC's id: no processor's, so `cpuCount` when left out. */
  readonly ioapicId?: number;
}

/** PIIX4 PM block offsets, as the FADT tells them. */
const PM1A_EVENT = 0x0;
const PM1A_CONTROL = 0x4;
const PM_TIMER = 0x8;
const GPE0 = 0xc;

const FADT_BYTES = 244;

/** Builds all tables for a machine. Throws when `base` is not 64-byte aligned (the FACS must be) or the CPU count is not 1-255. */
export function buildAcpiTables(options: AcpiTableOptions): AcpiTables {
  if (!Number.isInteger(options.base) || options.base < 0 || options.base % 64 !== 0) {
    throw new RangeError(`ACPI tables must start on a 64-byte boundary, got ${options.base}`);
  }
  if (!Number.isInteger(options.cpuCount) || options.cpuCount < 1 || options.cpuCount > 255) {
    throw new RangeError(`ACPI tables describe 1-255 processors, got ${options.cpuCount}`);
  }
  const block = new AcpiTableBlock(options.base);
  const rsdp = block.reserve('RSD PTR ', RSDP_BYTES, 16);
  const facs = block.reserve('FACS', 64, 64);
  writeFacs(block, facs);
  const dsdt = writeDsdt(block, options);
  const fadt = writeFadt(block, facs, dsdt, options.pmTimerBits ?? 24);
  const madt = writeMadt(block, options.cpuCount, options.ioapicId ?? options.cpuCount);
  const rsdt = block.root('RSDT', 4, [fadt, madt]);
  const xsdt = block.root('XSDT', 8, [fadt, madt]);
  block.writeRsdp(rsdp, rsdt, xsdt);
  return block.finish();
}

function writeFacs(block: AcpiTableBlock, at: number): void {
  block.text(at, 'FACS');
  block.u32(at + 4, 64);
  block.u8(at + 32, 2); // version; hardware signature, waking vectors and flags stay 0: nothing sleeps to memory or disk
}

function writeDsdt(block: AcpiTableBlock, options: DsdtOptions): number {
  const body = buildDsdtBody(options);
  const at = block.table('DSDT', 2, ACPI_HEADER_BYTES + body.length);
  block.bytes(at + ACPI_HEADER_BYTES, body);
  block.seal(at);
  return at;
}

/** FADT revision 4 (ACPI §5.2.9). 32-bit block addresses and the X_ ones agree, as Linux and Windows check. */
function writeFadt(block: AcpiTableBlock, facs: number, dsdt: number, timerBits: 24 | 32): number {
  const at = block.table('FACP', 4, FADT_BYTES);
  block.pointer(at + 36, 4, facs);
  block.pointer(at + 40, 4, dsdt);
  block.u8(at + 45, 0); // preferred profile: unspecified
  block.u16(at + 46, SCI_IRQ);
  block.u32(at + 48, SMI_COMMAND_PORT);
  block.u8(at + 52, ACPI_ENABLE_COMMAND);
  block.u8(at + 53, ACPI_DISABLE_COMMAND);
  block.u32(at + 56, ACPI_PM_BASE + PM1A_EVENT);
  block.u32(at + 64, ACPI_PM_BASE + PM1A_CONTROL);
  block.u32(at + 76, ACPI_PM_BASE + PM_TIMER);
  block.u32(at + 80, ACPI_PM_BASE + GPE0);
  block.u8(at + 88, 4); // PM1_EVT_LEN
  block.u8(at + 89, 2); // PM1_CNT_LEN
  block.u8(at + 91, 4); // PM_TMR_LEN
  block.u8(at + 92, 4); // GPE0_BLK_LEN: two bytes of status, two of enable
  block.u16(at + 96, 0xfff); // P_LVL2_LAT > 100 us: no C2
  block.u16(at + 98, 0xfff); // P_LVL3_LAT > 1000 us: no C3
  block.u8(at + 106, 0x0d); // day-of-month alarm
  block.u8(at + 108, 0x32); // century
  block.u16(at + 109, 0x0007); // IAPC_BOOT_ARCH: legacy devices, 8042, no VGA
  // WBINVD, C1 on every processor, no sleep button, RTC wake not in the fixed registers, reset register
  block.u32(at + 112, 0x1 | 0x4 | 0x20 | 0x40 | (timerBits === 32 ? 0x100 : 0) | 0x400);
  block.ioAddress(at + 116, RESET_CONTROL_PORT, 1);
  block.u8(at + 128, RESET_CONTROL_VALUE);
  block.pointer(at + 132, 8, facs);
  block.pointer(at + 140, 8, dsdt);
  block.ioAddress(at + 148, ACPI_PM_BASE + PM1A_EVENT, 4, 2);
  block.ioAddress(at + 172, ACPI_PM_BASE + PM1A_CONTROL, 2);
  block.ioAddress(at + 208, ACPI_PM_BASE + PM_TIMER, 4);
  block.ioAddress(at + 220, ACPI_PM_BASE + GPE0, 4, 1);
  block.seal(at);
  return at;
}

/** MADT (ACPI §5.2.12): the APICs, and the two ISA interrupts that differ from "identity, edge, active high". */
function writeMadt(block: AcpiTableBlock, cpuCount: number, ioapicId: number): number {
  const entries: number[] = [];
  for (let cpu = 0; cpu < cpuCount; cpu++) entries.push(0, 8, cpu, cpu, 1, 0, 0, 0);
  const ioapic = IOAPIC_BASE;
  entries.push(
    1,
    12,
    ioapicId & 0xff,
    0,
    ioapic & 0xff,
    (ioapic >>> 8) & 0xff,
    (ioapic >>> 16) & 0xff,
  );
  entries.push(ioapic >>> 24, 0, 0, 0, 0);
  entries.push(2, 10, 0, 0, 2, 0, 0, 0, 0, 0); // the timer sits on pin 2, where the PIC cascade would be
  entries.push(2, 10, 0, SCI_IRQ, SCI_IRQ, 0, 0, 0, 0x0d, 0); // level, active high
  entries.push(4, 6, 0xff, 0, 0, 1); // NMI on every processor's LINT1
  const at = block.table('APIC', 3, ACPI_HEADER_BYTES + 8 + entries.length);
  block.u32(at + 36, LAPIC_BASE);
  block.u32(at + 40, 1); // PCAT_COMPAT: a PIC pair is there too
  block.bytes(at + 44, entries);
  block.seal(at);
  return at;
}
