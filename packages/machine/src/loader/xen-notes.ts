// XenNotes: what a kernel says about itself to Xen, from its ELF notes or, where it has none, from the older `__xen_guest` string.
// Xen's public header elfnote.h. Linear addresses are signed canonical values in 64-bit images.
import {
  XEN_ELFNOTE_ENTRY,
  XEN_ELFNOTE_FEATURES,
  XEN_ELFNOTE_GUEST_OS,
  XEN_ELFNOTE_GUEST_VERSION,
  XEN_ELFNOTE_HV_START_LOW,
  XEN_ELFNOTE_HYPERCALL_PAGE,
  XEN_ELFNOTE_INIT_P2M,
  XEN_ELFNOTE_L1_MFN_VALID,
  XEN_ELFNOTE_LOADER,
  XEN_ELFNOTE_MOD_START_PFN,
  XEN_ELFNOTE_OWNER,
  XEN_ELFNOTE_PADDR_OFFSET,
  XEN_ELFNOTE_PAE_MODE,
  XEN_ELFNOTE_PHYS32_ENTRY,
  XEN_ELFNOTE_PHYS32_RELOC,
  XEN_ELFNOTE_SUPPORTED_FEATURES,
  XEN_ELFNOTE_SUSPEND_CANCEL,
  XEN_ELFNOTE_VIRT_BASE,
  XEN_ELFNOTE_XEN_VERSION,
} from '@proxeny/abi';
import type { ElfImage } from './elf.js';
import { type ElfNote, notesOf } from './elf-note.js';
import { ImageError } from './load-error.js';
import { guestString } from './xen-guest-string.js';
import {
  type L1MfnValid,
  type PaeMode,
  type Phys32Reloc,
  parseFeatures,
  present,
  type XenNotes,
} from './xen-note-record.js';

/**
 * The image's notes, or undefined if it has none.
 * @throws ImageError `malformed`: a note of the wrong size, or an impossible address
 */
export function xenNotes(elf: ElfImage): XenNotes | undefined {
  const notes = notesOf(elf, XEN_ELFNOTE_OWNER);
  if (notes.length > 0) return new NoteReader(elf, notes).read();
  return guestString(elf);
}

/** Longer than any note's text. */
const TEXT_LIMIT = 1024;

class NoteReader {
  readonly #elf: ElfImage;
  /** The last note of a type counts, as in Xen. */
  readonly #notes: Map<number, ElfNote>;

  constructor(elf: ElfImage, notes: readonly ElfNote[]) {
    this.#elf = elf;
    this.#notes = new Map(notes.map((note) => [note.type, note]));
  }

  read(): XenNotes {
    const { required, supported } = parseFeatures(this.#text(XEN_ELFNOTE_FEATURES));
    const bits = this.#number(XEN_ELFNOTE_SUPPORTED_FEATURES, 'SUPPORTED_FEATURES') ?? 0n;
    return {
      source: 'notes',
      guestOs: this.#text(XEN_ELFNOTE_GUEST_OS),
      guestVersion: this.#text(XEN_ELFNOTE_GUEST_VERSION),
      loader: this.#text(XEN_ELFNOTE_LOADER),
      xenVersion: this.#text(XEN_ELFNOTE_XEN_VERSION),
      paeMode: this.#paeMode(),
      requiredFeatures: required,
      supportedFeatures: supported,
      featureBits: Number(BigInt.asUintN(32, bits)),
      l1MfnValid: this.#l1MfnValid(),
      suspendCancel: this.#flag(XEN_ELFNOTE_SUSPEND_CANCEL, 'SUSPEND_CANCEL'),
      unmappedRamdisk: this.#flag(XEN_ELFNOTE_MOD_START_PFN, 'MOD_START_PFN'),
      ...present({
        entry: this.#address(XEN_ELFNOTE_ENTRY, 'ENTRY'),
        virtualBase: this.#address(XEN_ELFNOTE_VIRT_BASE, 'VIRT_BASE'),
        paddrOffset: this.#address(XEN_ELFNOTE_PADDR_OFFSET, 'PADDR_OFFSET'),
        hypercallPage: this.#address(XEN_ELFNOTE_HYPERCALL_PAGE, 'HYPERCALL_PAGE'),
        hvStartLow: this.#address(XEN_ELFNOTE_HV_START_LOW, 'HV_START_LOW'),
        initP2m: this.#address(XEN_ELFNOTE_INIT_P2M, 'INIT_P2M'),
        phys32Entry: this.#phys32Entry(),
        phys32Reloc: this.#phys32Reloc(),
      }),
    };
  }

  #text(type: number): string {
    const whole = this.#notes.get(type)?.description ?? new Uint8Array();
    const bytes = whole.subarray(0, TEXT_LIMIT);
    const end = bytes.indexOf(0);
    return String.fromCharCode(...bytes.subarray(0, end < 0 ? bytes.length : end));
  }

  /** A number of 1, 2, 4 or 8 bytes. */
  #number(type: number, name: string): bigint | undefined {
    const bytes = this.#notes.get(type)?.description;
    if (bytes === undefined) return undefined;
    if (![1, 2, 4, 8].includes(bytes.length)) {
      throw new ImageError(
        'malformed',
        `${this.#elf.view.what}: the Xen note ${name} has ${bytes.length} bytes, a number has 1, 2, 4 or 8; the file is damaged`,
      );
    }
    let value = 0n;
    for (let i = bytes.length - 1; i >= 0; i--) value = value * 256n + BigInt(bytes[i]);
    return value;
  }

  #flag(type: number, name: string): boolean {
    return (this.#number(type, name) ?? 0n) !== 0n;
  }

  #address(type: number, name: string): number | undefined {
    const value = this.#number(type, name);
    if (value === undefined) return undefined;
    const linear = Number(this.#elf.bits === 64 ? BigInt.asIntN(64, value) : value);
    const isPossible =
      this.#elf.bits === 64 ? linear >= -(2 ** 47) && linear < 2 ** 47 : linear < 2 ** 32;
    if (isPossible) return linear;
    throw new ImageError(
      'malformed',
      `${this.#elf.view.what}: the Xen note ${name} is 0x${value.toString(16)}, no address of a ${this.#elf.bits}-bit kernel; the file is damaged`,
    );
  }

  /** 4 bytes, or 8 as Linux' 64-bit kernels write it; the entry is below 4 GiB. */
  #phys32Entry(): number | undefined {
    const value = this.#number(XEN_ELFNOTE_PHYS32_ENTRY, 'PHYS32_ENTRY');
    return value === undefined ? undefined : Number(BigInt.asUintN(32, value));
  }

  #phys32Reloc(): Phys32Reloc | undefined {
    const bytes = this.#notes.get(XEN_ELFNOTE_PHYS32_RELOC)?.description;
    if (bytes === undefined) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const word = (i: number) =>
      bytes.length >= i * 4 + 4 ? view.getUint32(i * 4, true) : undefined;
    return present({ alignment: word(0), minimum: word(1), maximum: word(2) });
  }

  /** A note says "yes" where the older string said "yes[extended-cr3]". */
  #paeMode(): PaeMode {
    const text = this.#text(XEN_ELFNOTE_PAE_MODE);
    if (text.includes('bimodal')) return 'bimodal';
    return text === 'yes' ? 'extended' : 'no';
  }

  /** Pairs of machine words; a 32-bit kernel's entries have 8 bytes too, PAE or not said by their size. */
  #l1MfnValid(): L1MfnValid[] {
    const bytes = this.#notes.get(XEN_ELFNOTE_L1_MFN_VALID)?.description ?? new Uint8Array();
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const pairs: L1MfnValid[] = [];
    for (let at = 0; at + 16 <= bytes.length; at += 16) {
      pairs.push({ mask: view.getBigUint64(at, true), value: view.getBigUint64(at + 8, true) });
    }
    return pairs;
  }
}
