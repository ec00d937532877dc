// A kernel as an ELF file that Xen starts as a 64-bit paravirtual domain: one segment, and the notes that say how. elfnote.h.
import {
  XEN_ELFNOTE_ENTRY,
  XEN_ELFNOTE_GUEST_OS,
  XEN_ELFNOTE_HYPERCALL_PAGE,
  XEN_ELFNOTE_LOADER,
  XEN_ELFNOTE_OWNER,
  XEN_ELFNOTE_PADDR_OFFSET,
  XEN_ELFNOTE_VIRT_BASE,
  XEN_ELFNOTE_XEN_VERSION,
} from '@proxeny/abi';

const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const PT_LOAD = 1;
const PT_NOTE = 4;
const EM_X86_64 = 62;
const READ_WRITE_EXECUTE = 7;

export interface XenKernel {
  /** Code and data as they lie in memory. */
  readonly bytes: Uint8Array;
  /** Linear address of the first byte; the domain's memory begins at address 0. */
  readonly origin: number;
  /** Where its cleared memory behind `bytes` ends. */
  readonly memoryEnd: number;
  readonly entry: number;
  /** Address of a page that Xen fills with the stubs of hypercalls. */
  readonly hypercallPage: number;
  /** What the guest is called. */
  readonly guestOs: string;
}

/** The file's bytes. */
export function xenImage(kernel: XenKernel): Uint8Array {
  const notes = noteBytes([
    [XEN_ELFNOTE_GUEST_OS, kernel.guestOs],
    [XEN_ELFNOTE_LOADER, 'generic'],
    [XEN_ELFNOTE_XEN_VERSION, 'xen-3.0'],
    [XEN_ELFNOTE_VIRT_BASE, 0],
    [XEN_ELFNOTE_PADDR_OFFSET, 0],
    [XEN_ELFNOTE_ENTRY, kernel.entry],
    [XEN_ELFNOTE_HYPERCALL_PAGE, kernel.hypercallPage],
  ]);
  const notesAt = HEADER_BYTES + 2 * PROGRAM_HEADER_BYTES;
  const codeAt = Math.ceil((notesAt + notes.length) / 4096) * 4096;
  const file = new Uint8Array(codeAt + kernel.bytes.length);
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true); // ET_EXEC
  view.setUint16(18, EM_X86_64, true);
  view.setUint32(20, 1, true);
  set64(view, 24, kernel.entry);
  set64(view, 32, HEADER_BYTES);
  view.setUint16(52, HEADER_BYTES, true);
  view.setUint16(54, PROGRAM_HEADER_BYTES, true);
  view.setUint16(56, 2, true);
  const memoryBytes = kernel.memoryEnd - kernel.origin;
  const { origin, bytes } = kernel;
  programHeader(view, 0, [PT_LOAD, codeAt, origin, bytes.length, memoryBytes, 4096]);
  programHeader(view, 1, [PT_NOTE, notesAt, 0, notes.length, notes.length, 4]);
  file.set(notes, notesAt);
  file.set(bytes, codeAt);
  return file;
}

type Segment = readonly [
  type: number,
  offset: number,
  address: number,
  fileBytes: number,
  memoryBytes: number,
  alignment: number,
];

function programHeader(view: DataView, index: number, segment: Segment): void {
  const [type, offset, address, fileBytes, memoryBytes, alignment] = segment;
  const at = HEADER_BYTES + index * PROGRAM_HEADER_BYTES;
  view.setUint32(at, type, true);
  view.setUint32(at + 4, READ_WRITE_EXECUTE, true);
  for (const [i, value] of [offset, address, address, fileBytes, memoryBytes, alignment].entries())
    set64(view, at + 8 + 8 * i, value);
}

function noteBytes(
  notes: readonly (readonly [type: number, value: string | number])[],
): Uint8Array {
  const owner = new TextEncoder().encode(`${XEN_ELFNOTE_OWNER}\0`);
  const bytes: number[] = [];
  const add = (part: Uint8Array): void => {
    bytes.push(...part, ...new Uint8Array(-part.length & 3));
  };
  for (const [type, value] of notes) {
    const description = new Uint8Array(8);
    if (typeof value === 'number') set64(new DataView(description.buffer), 0, value);
    const content =
      typeof value === 'number' ? description : new TextEncoder().encode(`${value}\0`);
    add(new Uint8Array(Uint32Array.of(owner.length, content.length, type).buffer));
    add(owner);
    add(content);
  }
  return Uint8Array.from(bytes);
}

function set64(view: DataView, at: number, value: number): void {
  view.setBigUint64(at, BigInt(value), true);
}
