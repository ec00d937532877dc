// As what kinds of guest an image can run, for whoever wants the choice made: a PV note means pv, PHYS32_ENTRY alone pvh, all else pc.
import { sniffImage } from '../../loader/image.js';
import { ImageError } from '../../loader/load-error.js';
import { openXenImage, type XenGuestType, type XenImage } from './xen-image.js';

export type GuestType = XenGuestType | 'pc';

export interface ExaminedImage {
  /** All there are, the preferred one first. */
  readonly types: readonly GuestType[];
  /** The image opened, if it is one for Xen: unpacking a kernel takes a while. */
  readonly xen?: XenImage;
}

/**
 * Looks into an image; a bzImage's kernel is unpacked for it, which can take seconds.
 * @throws ImageError if nothing can run it
 */
export function examineImage(bytes: Uint8Array, name: string): ExaminedImage {
  const kind = sniffImage(bytes, name);
  let xen: XenImage | undefined;
  try {
    if (kind !== 'firmware') xen = openXenImage(bytes, name);
  } catch (error) {
    // No kernel for Xen, or one that only its own boot code can unpack.
    if (!(error instanceof ImageError)) throw error;
  }
  if (xen === undefined) return { types: ['pc'] };
  // An ELF image whose only entry is for PV starts with page tables and a stack it does not make itself.
  const isOnlyPv = kind === 'elf' && !xen.types.includes('pvh');
  const types: GuestType[] = isOnlyPv ? [...xen.types] : [...xen.types, 'pc'];
  return { types, xen };
}
