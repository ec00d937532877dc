// AcpiTableBlock: ACPI tables while they are written, one after another in one block of bytes (ACPI 6.4 §5.2.5, §5.2.6). Offsets count from
// the block's start. Pointers are remembered, so that a firmware can move the block; checksums are right for its first address.

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

/** The common header of a table. */
export const ACPI_HEADER_BYTES = 36;
export const RSDP_BYTES = 36;

const OEM_ID = 'PROXEN';

/** The bytes while they are written; at most 64 KiB. */
export class AcpiTableBlock {
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

  /** RSDT (pointers of 4 bytes) or XSDT (8) over the tables at `targets`. §5.2.7, §5.2.8 */
  root(signature: string, size: 4 | 8, targets: readonly number[]): number {
    const at = this.table(signature, 1, ACPI_HEADER_BYTES + size * targets.length);
    for (const [i, target] of targets.entries()) {
      this.pointer(at + ACPI_HEADER_BYTES + size * i, size, target);
    }
    this.seal(at);
    return at;
  }

  /** Writes the reserved RSDP at `at`; `rsdt` -1: none. §5.2.5.3 */
  writeRsdp(at: number, rsdt: number, xsdt: number): void {
    this.text(at, 'RSD PTR ');
    this.text(at + 9, OEM_ID);
    this.u8(at + 15, 2);
    if (rsdt !== -1) this.pointer(at + 16, 4, rsdt);
    this.u32(at + 20, RSDP_BYTES);
    this.pointer(at + 24, 8, xsdt);
    this.checksum(at + 8, at, 20);
    this.checksum(at + 32, at, RSDP_BYTES);
  }

  /** Makes the table's checksum right. */
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
