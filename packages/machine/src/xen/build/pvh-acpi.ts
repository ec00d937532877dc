// ACPI tables of a PVH guest: RSDP, XSDT, a FADT without hardware of ACPI's own, MADT and a DSDT that lists the processors. ACPI 6.4 §5.2.
// As on Xen the guest has local APICs and no other interrupt controller; all else it finds through xenstore.
import { processorDevices } from '../../pc/acpi-dsdt.js';
import { ACPI_HEADER_BYTES, AcpiTableBlock, RSDP_BYTES } from '../../pc/acpi-table-block.js';
import { scope, terms } from '../../pc/aml.js';

const LAPIC_BASE = 0xfee0_0000;
const FADT_BYTES = 268;
/** §5.2.9, IAPC_BOOT_ARCH: no VGA, no CMOS clock; and no legacy devices, no i8042. */
const NO_VGA_NO_RTC = 0x0024;
/** WBINVD works, C1 on every processor, no fixed power and sleep buttons, hardware-reduced ACPI. */
const FADT_FLAGS = 0x1 | 0x4 | 0x10 | 0x20 | 0x10_0000;

export interface PvhAcpi {
  /** From the given address on; the RSDP is at its start. */
  readonly bytes: Uint8Array;
  /** A copy of the RSDP, for kernels that look for it below 1 MiB. */
  readonly rsdp: Uint8Array;
}

/** Tables for address `base`, a multiple of 16, and vCPUs whose APIC ids are their numbers. */
export function pvhAcpi(base: number, vcpuCount: number): PvhAcpi {
  const block = new AcpiTableBlock(base);
  const rsdp = block.reserve('RSD PTR ', RSDP_BYTES, 16);
  const dsdt = writeDsdt(block, vcpuCount);
  const xsdt = block.root('XSDT', 8, [writeFadt(block, dsdt), writeMadt(block, vcpuCount)]);
  block.writeRsdp(rsdp, -1, xsdt);
  const { bytes } = block.finish();
  return { bytes, rsdp: bytes.slice(rsdp, rsdp + RSDP_BYTES) };
}

function writeDsdt(block: AcpiTableBlock, vcpuCount: number): number {
  const body = terms(scope('\\_SB', ...processorDevices(vcpuCount)));
  const at = block.table('DSDT', 2, ACPI_HEADER_BYTES + body.length);
  block.bytes(at + ACPI_HEADER_BYTES, body);
  block.seal(at);
  return at;
}

/** §5.2.9, revision 5. */
function writeFadt(block: AcpiTableBlock, dsdt: number): number {
  const at = block.table('FACP', 5, FADT_BYTES);
  block.pointer(at + 40, 4, dsdt);
  block.u16(at + 109, NO_VGA_NO_RTC);
  block.u32(at + 112, FADT_FLAGS);
  block.pointer(at + 140, 8, dsdt);
  block.seal(at);
  return at;
}

/** §5.2.12: a local APIC for each vCPU. Ids above 254 need an x2APIC entry. */
function writeMadt(block: AcpiTableBlock, vcpuCount: number): number {
  const entries: number[] = [];
  for (let vcpu = 0; vcpu < vcpuCount; vcpu++) {
    if (vcpu < 255) entries.push(0, 8, vcpu, vcpu, 1, 0, 0, 0);
    else entries.push(9, 16, 0, 0, ...bytesOf(vcpu), 1, 0, 0, 0, ...bytesOf(vcpu));
  }
  const at = block.table('APIC', 4, ACPI_HEADER_BYTES + 8 + entries.length);
  block.u32(at + 36, LAPIC_BASE);
  block.bytes(at + 44, entries);
  block.seal(at);
  return at;
}

function bytesOf(value: number): number[] {
  return [value & 0xff, (value >>> 8) & 0xff, 0, 0];
}
