// XenImage: a kernel file opened for Xen: unpacked down to its ELF image, with what it says about itself, and as which kinds of guest it
// can run. Nothing is loaded here.
import { type ElfImage, isElf, parseElf } from '../../loader/elf.js';
import { foreignFile } from '../../loader/foreign-file.js';
import { unpackKernelPayload } from '../../loader/kernel-payload.js';
import { ImageError } from '../../loader/load-error.js';
import { sniffPayload, unpackPayload } from '../../loader/payload.js';
import { isBzImage, parseSetupHeader } from '../../loader/setup-header.js';
import type { XenNotes } from '../../loader/xen-note-record.js';
import { xenNotes } from '../../loader/xen-notes.js';

/** As what a Xen image can run: with page tables of machine frames, or entered by PHYS32_ENTRY with its memory translated. */
export type XenGuestType = 'pv' | 'pvh';

export interface XenImage {
  /** The file's name, for messages. */
  readonly name: string;
  readonly elf: ElfImage;
  readonly notes: XenNotes;
  /** In the order of preference: `pv` first. */
  readonly types: readonly XenGuestType[];
}

/**
 * Opens a kernel: an ELF image, a bzImage with one inside, or either compressed.
 * @param name for messages, such as the file's name
 * @throws ImageError, also `unsupported` for a kernel that has no Xen notes
 */
export function openXenImage(bytes: Uint8Array, name: string): XenImage {
  const elf = openElf(bytes, name);
  const notes = xenNotes(elf);
  if (notes === undefined) {
    throw new ImageError(
      'unsupported',
      `${name} has no Xen ELF notes and no section __xen_guest: it is no kernel for Xen. ` +
        'Run it with --type pc, or use a kernel built with CONFIG_XEN_PV or CONFIG_PVH',
    );
  }
  const types: XenGuestType[] = [];
  if (isPv(elf, notes)) types.push('pv');
  if (notes.phys32Entry !== undefined) types.push('pvh');
  return { name, elf, notes, types };
}

function openElf(bytes: Uint8Array, name: string): ElfImage {
  if (bytes.length === 0) throw new ImageError('not-an-image', `${name} is empty`);
  if (isElf(bytes)) return parseElf(bytes, name);
  if (isBzImage(bytes)) {
    return parseElf(unpackKernelPayload(parseSetupHeader(bytes, name)), `${name} (payload)`);
  }
  if (sniffPayload(bytes) === undefined) {
    throw new ImageError(
      'not-an-image',
      `${name} is no kernel for Xen: ${foreignFile(bytes)}. ` +
        'Known are ELF images with Xen notes and Linux bzImages, also compressed',
    );
  }
  const inner = unpackPayload(bytes);
  if (isElf(inner)) return parseElf(inner, name);
  if (isBzImage(inner)) return openElf(inner, name);
  throw new ImageError(
    'not-an-image',
    `${name} unpacks to something that is no kernel for Xen: ${foreignFile(inner)}`,
  );
}

/** Whether the image says how it is entered as a PV guest: by notes made for that, or at all with a loader's name. */
function isPv(elf: ElfImage, notes: XenNotes): boolean {
  if (notes.entry !== undefined || notes.virtualBase !== undefined) return true;
  return notes.loader !== '' && notes.phys32Entry === undefined && elf.segments.length > 0;
}
