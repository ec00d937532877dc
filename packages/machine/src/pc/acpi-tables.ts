// ACPI tables of the PC (ACPI 6.4 §5.2): RSDP, RSDT, XSDT, FADT, FACS, MADT and DSDT, laid out as one block of bytes.
// Invariants: every pointer between tables is also listed in `pointers`, so that a firmware that places the tables itself
// (SeaBIOS, see acpi-loader.ts) can relocate them; all checksums are right for `base`.
import { buildDsdtBody, type DsdtOptions } from './acpi-dsdt.js';
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

/** One table in the block. */
export interface AcpiTable {
  readonly signature: string;
  /** Byte offset in the block. */
  readonly offset: number;
  readonly byteLength: number;
}

/** A pointer stored in the block. */
export interface AcpiPointer {
  /** Byte offset of the pointer in the block. */
  readonly offset: number;
  /** Its width in bytes. */
  readonly size: 4 | 8;
  /** Byte offset in the block of what it points to. */
  readonly target: number;
}

/** The finished tables. The RSDP is at offset 0. */
export interface AcpiTables {
  readonly base: number;
  readonly bytes: Uint8Array;
  readonly tables: readonly AcpiTable[];
  readonly pointers: readonly AcpiPointer[];
}

/** PIIX4 PM block offsets, as the FADT tells them. */
const PM1A_EVENT = 0x0;
const PM1A_CONTROL = 0x4;
const PM_TIMER = 0x8;
const GPE0 = 0xc;

const HEADER_BYTES = 36;
const RSDP_BYTES = 36;
const FADT_BYTES = 244;

/** Builds all tables for a machine. Throws when `base` is not 64-byte aligned (the FACS must be) or the CPU count is not 1-255. */
export function buildAcpiTables(options: AcpiTableOptions): AcpiTables {
  if (!Number.isInteger(options.base) || options.base < 0 || options.base % 64 !== 0) {
    throw new RangeError(`ACPI tables must start on a 64-byte boundary, got ${options.base}`);
  }
  if (!Number.isInteger(options.cpuCount) || options.cpuCount < 1 || options.cpuCount > 255) {
    throw new RangeError(`ACPI tables describe 1-255 processors, got ${options.cpuCount}`);
  }
  const block = new TableBlock(options.base);
  const rsdp = block.reserve('RSD PTR ', RSDP_BYTES, 16);
  const facs = block.reserve('FACS', 64, 64);
  writeFacs(block, facs);
  const dsdt = writeDsdt(block, options);
  const fadt = writeFadt(block, facs, dsdt, options.pmTimerBits ?? 24);
  const madt = writeMadt(block, options.cpuCount, options.ioapicId ?? options.cpuCount);
  const rsdt = writeRoot(block, 'RSDT', 4, [fadt, madt]);
  const xsdt = writeRoot(block, 'XSDT', 8, [fadt, madt]);
  block.text(rsdp, 'RSD PTR ');
  block.text(rsdp + 9, OEM_ID);
  block.u8(rsdp + 15, 2);
  block.pointer(rsdp + 16, 4, rsdt);
  block.u32(rsdp + 20, RSDP_BYTES);
  block.pointer(rsdp + 24, 8, xsdt);
  block.checksum(rsdp + 8, rsdp, 20);
  block.checksum(rsdp + 32, rsdp, RSDP_BYTES);
  return block.finish();
}

const OEM_ID = 'PROXEN';

function writeFacs(block: TableBlock, at: number): void {
  block.text(at, 'FACS');
  block.u32(at + 4, 64);
  block.u8(at + 32, 2); // version; hardware signature, waking vectors and flags stay 0: nothing sleeps to memory or disk
}

function writeDsdt(block: TableBlock, options: DsdtOptions): number {
  const body = buildDsdtBody(options);
  const at = block.table('DSDT', 2, HEADER_BYTES + body.length);
  block.bytes(at + HEADER_BYTES, body);
  block.seal(at);
  return at;
}

/** FADT revision 4 (ACPI §5.2.9). 32-bit block addresses and the X_ ones agree, as Linux and Windows check. */
function writeFadt(block: TableBlock, facs: number, dsdt: number, timerBits: 24 | 32): number {
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
function writeMadt(block: TableBlock, cpuCount: number, ioapicId: number): number {
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
  const at = block.table('APIC', 3, HEADER_BYTES + 8 + entries.length);
  block.u32(at + 36, LAPIC_BASE);
  block.u32(at + 40, 1); // PCAT_COMPAT: a PIC pair is there too
  block.bytes(at + 44, entries);
  block.seal(at);
  return at;
}

function writeRoot(
  block: TableBlock,
  signature: string,
  size: 4 | 8,
  targets: readonly number[],
): number {
  const at = block.table(signature, 1, HEADER_BYTES + size * targets.length);
  targets.forEach((target, i) => {
    block.pointer(at + HEADER_BYTES + size * i, size, target);
  });
  block.seal(at);
  return at;
}

/** The bytes while they are written. */
class TableBlock {
  readonly #base: number;
  readonly #data: Uint8Array = new Uint8Array(0x10000);
  readonly #view: DataView = new DataView(this.#data.buffer);
  readonly #tables: AcpiTable[] = [];
  readonly #pointers: AcpiPointer[] = [];
  #end = 0;

  constructor(base: number) {
    this.#base = base;
  }

  reserve(signature: string, byteLength: number, alignment: number): number {
    const offset = Math.ceil(this.#end / alignment) * alignment;
    this.#end = offset + byteLength;
    if (this.#end > this.#data.length) throw new RangeError('the ACPI tables exceed 64 KiB');
    this.#tables.push({ signature, offset, byteLength });
    return offset;
  }

  /** Reserves a table and writes the common header (§5.2.6) but its checksum. */
  table(signature: string, revision: number, byteLength: number): number {
    const at = this.reserve(signature, byteLength, 16);
    this.text(at, signature);
    this.u32(at + 4, byteLength);
    this.u8(at + 8, revision);
    this.text(at + 10, OEM_ID);
    this.text(at + 16, 'PROXENPC');
    this.u32(at + 24, 1);
    this.text(at + 28, 'PRXN');
    this.u32(at + 32, 1);
    return at;
  }

  seal(at: number): void {
    this.checksum(at + 9, at, this.#view.getUint32(at + 4, true));
  }

  /** Makes the bytes of `start..start + byteLength` sum to 0 modulo 256. */
  checksum(at: number, start: number, byteLength: number): void {
    this.#data[at] = 0;
    let sum = 0;
    for (let i = 0; i < byteLength; i++) sum += this.#data[start + i];
    this.#data[at] = -sum;
  }

  pointer(at: number, size: 4 | 8, target: number): void {
    this.u32(at, this.#base + target);
    this.#pointers.push({ offset: at, size, target });
  }

  /** A Generic Address Structure (§5.2.3.2) for registers of `byteLength` bytes in I/O space, `access` bytes at a time. */
  ioAddress(at: number, port: number, byteLength: 1 | 2 | 4, access: 1 | 2 | 4 = byteLength): void {
    this.bytes(at, [1, byteLength * 8, 0, { 1: 1, 2: 2, 4: 3 }[access]]);
    this.u32(at + 4, port);
  }

  u8(at: number, value: number): void {
    this.#view.setUint8(at, value);
  }

  u16(at: number, value: number): void {
    this.#view.setUint16(at, value, true);
  }

  u32(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }

  text(at: number, value: string): void {
    for (let i = 0; i < value.length; i++) this.#data[at + i] = value.charCodeAt(i);
  }

  bytes(at: number, values: readonly number[]): void {
    this.#data.set(values, at);
  }

  finish(): AcpiTables {
    return {
      base: this.#base,
      bytes: this.#data.slice(0, this.#end),
      tables: this.#tables,
      pointers: this.#pointers,
    };
  }
}
