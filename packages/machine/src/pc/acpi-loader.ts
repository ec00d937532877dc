// The fw_cfg files by which SeaBIOS installs ACPI tables where it wants them: etc/acpi/rsdp, etc/acpi/tables and the script
// etc/table-loader (128-byte little-endian commands: allocate a file, add a file's address to a pointer, add a checksum).
import type { AcpiTables } from './acpi-table-block.js';

const RSDP_FILE = 'etc/acpi/rsdp';
const TABLES_FILE = 'etc/acpi/tables';
const COMMAND_BYTES = 128;
const NAME_BYTES = 56;
const ALLOCATE = 1;
const ADD_POINTER = 2;
const ADD_CHECKSUM = 3;
const ZONE_HIGH = 1;
const ZONE_FSEG = 2;

/** A file for {@link FwCfg.addFile}. */
export interface FwCfgFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Turns finished tables, whatever their `base`, into the three files. */
export function acpiLoaderFiles(acpi: AcpiTables): FwCfgFile[] {
  const rsdpLength = acpi.tables[0].byteLength;
  const bytes = acpi.bytes.slice();
  const view = new DataView(bytes.buffer);
  // The FACS must keep its 64-byte alignment, so the tables file starts on a multiple of 64 of the block.
  const start = 64;
  const commands: Uint8Array[] = [
    command(ALLOCATE, (c) => {
      c.name(4, RSDP_FILE);
      c.u32(60, 16);
      c.u8(64, ZONE_FSEG);
    }),
    command(ALLOCATE, (c) => {
      c.name(4, TABLES_FILE);
      c.u32(60, 64);
      c.u8(64, ZONE_HIGH);
    }),
  ];
  for (const { offset, size, target } of acpi.pointers) {
    view.setUint32(offset, target - start, true);
    if (size === 8) view.setUint32(offset + 4, 0, true);
    const inRsdp = offset < start;
    commands.push(
      command(ADD_POINTER, (c) => {
        c.name(4, inRsdp ? RSDP_FILE : TABLES_FILE);
        c.name(4 + NAME_BYTES, TABLES_FILE);
        c.u32(4 + 2 * NAME_BYTES, inRsdp ? offset : offset - start);
        c.u8(8 + 2 * NAME_BYTES, size);
      }),
    );
  }
  const addChecksum = (file: string, at: number, from: number, byteLength: number): void => {
    const fileStart = file === RSDP_FILE ? 0 : start;
    bytes[fileStart + at] = 0;
    commands.push(
      command(ADD_CHECKSUM, (c) => {
        c.name(4, file);
        c.u32(60, at);
        c.u32(64, from);
        c.u32(68, byteLength);
      }),
    );
  };
  for (const { signature, offset, byteLength } of acpi.tables) {
    if (signature === 'RSD PTR ' || signature === 'FACS') continue;
    addChecksum(TABLES_FILE, offset - start + 9, offset - start, byteLength);
  }
  addChecksum(RSDP_FILE, 8, 0, 20);
  addChecksum(RSDP_FILE, 32, 0, rsdpLength);
  const script = new Uint8Array(commands.length * COMMAND_BYTES);
  commands.forEach((c, i) => {
    script.set(c, i * COMMAND_BYTES);
  });
  return [
    { name: RSDP_FILE, bytes: bytes.slice(0, rsdpLength) },
    { name: TABLES_FILE, bytes: bytes.slice(start) },
    { name: 'etc/table-loader', bytes: script },
  ];
}

interface CommandWriter {
  u8(at: number, value: number): void;
  u32(at: number, value: number): void;
  name(at: number, value: string): void;
}

function command(number: number, fill: (writer: CommandWriter) => void): Uint8Array {
  const bytes = new Uint8Array(COMMAND_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, number, true);
  fill({
    u8: (at, value) => view.setUint8(at, value),
    u32: (at, value) => view.setUint32(at, value, true),
    name: (at, value) => {
      for (let i = 0; i < value.length; i++) bytes[at + i] = value.charCodeAt(i);
    },
  });
  return bytes;
}
