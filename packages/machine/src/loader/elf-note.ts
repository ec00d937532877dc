// ELF notes (gABI chapter 5, "Note Section"), from PT_NOTE segments and SHT_NOTE sections alike.
// A last note that its segment or the file cuts short is kept as far as it goes: GRUB's i386 Xen image has one.
import { type ElfImage, PT_NOTE, SHT_NOTE } from './elf.js';

export interface ElfNote {
  /** Who defines `type`: `Xen`, `GNU`, `Linux`. */
  readonly owner: string;
  readonly type: number;
  readonly description: Uint8Array;
}

/** More notes than any kernel has; what follows is ignored. */
const NOTE_LIMIT = 1024;

/** All notes of the image; one that is in a segment and in a section comes once. */
export function elfNotes(elf: ElfImage): ElfNote[] {
  const notes = new Map<number, ElfNote>();
  readSegmentNotes(elf, notes);
  readSectionNotes(elf, notes);
  return [...notes.values()];
}

/** The notes of `owner` in segments, or, if there is none, in sections. */
export function notesOf(elf: ElfImage, owner: string): ElfNote[] {
  for (const read of [readSegmentNotes, readSectionNotes]) {
    const notes = new Map<number, ElfNote>();
    read(elf, notes);
    const own = [...notes.values()].filter((note) => note.owner === owner);
    if (own.length > 0) return own;
  }
  return [];
}

/** The first note of `owner` and `type`. */
export function findNote(elf: ElfImage, owner: string, type: number): ElfNote | undefined {
  return elfNotes(elf).find((note) => note.owner === owner && note.type === type);
}

function readSegmentNotes(elf: ElfImage, notes: Map<number, ElfNote>): void {
  for (const s of elf.segments) {
    if (s.type === PT_NOTE) readNotes(elf, s.offset, s.fileSize, s.alignment, notes);
  }
}

function readSectionNotes(elf: ElfImage, notes: Map<number, ElfNote>): void {
  for (const s of elf.sections) {
    if (s.type === SHT_NOTE) readNotes(elf, s.offset, s.byteLength, s.alignment, notes);
  }
}

function readNotes(
  elf: ElfImage,
  offset: number,
  byteLength: number,
  alignment: number,
  notes: Map<number, ElfNote>,
): void {
  const view = elf.view;
  const end = Math.min(offset + byteLength, view.byteLength);
  // 4-byte padding in practice, also in ELF64; 8 only where the alignment says so (GNU properties).
  const pad = alignment === 8 ? 8 : 4;
  let at = offset;
  while (at + 12 <= end && notes.size < NOTE_LIMIT) {
    const nameSize = view.u32(at);
    const descriptionSize = view.u32(at + 4);
    const description = Math.ceil((at + 12 + nameSize - offset) / pad) * pad + offset;
    if (description > end) return;
    notes.set(at, {
      owner: view.text(at + 12, Math.min(nameSize, 256)),
      type: view.u32(at + 8),
      description: view.bytes.subarray(description, Math.min(description + descriptionSize, end)),
    });
    at = Math.ceil((description + descriptionSize - offset) / pad) * pad + offset;
  }
}
