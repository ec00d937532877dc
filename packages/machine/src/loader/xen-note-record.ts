// What a kernel says of itself to Xen, in whichever form it does: ELF notes, or the string before them. elfnote.h.

/** How a 32-bit kernel uses PAE: `extended` also takes a root above 4 GiB, `bimodal` runs with and without. */
export type PaeMode = 'no' | 'yes' | 'extended' | 'bimodal';

/** A pattern of not-present page-table entries that hold a machine frame. */
export interface L1MfnValid {
  readonly mask: bigint;
  readonly value: bigint;
}

/** Where a PVH kernel may be moved to, physical addresses. */
export interface Phys32Reloc {
  readonly alignment?: number;
  readonly minimum?: number;
  readonly maximum?: number;
}

export interface XenNotes {
  readonly source: 'notes' | 'guest-string';
  readonly guestOs: string;
  readonly guestVersion: string;
  readonly loader: string;
  readonly xenVersion: string;
  readonly entry?: number;
  readonly virtualBase?: number;
  readonly paddrOffset?: number;
  readonly hypercallPage?: number;
  readonly hvStartLow?: number;
  readonly initP2m?: number;
  readonly phys32Entry?: number;
  readonly phys32Reloc?: Phys32Reloc;
  readonly paeMode: PaeMode;
  /** Names as the image spells them. */
  readonly requiredFeatures: readonly string[];
  readonly supportedFeatures: readonly string[];
  /** The bitmap of SUPPORTED_FEATURES. */
  readonly featureBits: number;
  readonly l1MfnValid: readonly L1MfnValid[];
  /** A suspend may be cancelled. */
  readonly suspendCancel: boolean;
  /** The RAM disk may lie outside of the initial mapping. */
  readonly unmappedRamdisk: boolean;
}

/** Names of a FEATURES string: those with an ! are required, and supported too. */
export function parseFeatures(text: string): { required: string[]; supported: string[] } {
  const names = text.split('|').filter((name) => name !== '' && name !== '!');
  const required = names.filter((name) => name.startsWith('!')).map((name) => name.slice(1));
  return { required, supported: names.map((name) => name.replace(/^!/, '')) };
}

/** Drops members that are undefined, so that a record has only what the image says. */
export function present<Members extends object>(
  members: Members,
): { [Name in keyof Members]?: NonNullable<Members[Name]> } {
  const known = Object.entries(members).filter(([, value]) => value !== undefined);
  return Object.fromEntries(known) as { [Name in keyof Members]?: NonNullable<Members[Name]> };
}
