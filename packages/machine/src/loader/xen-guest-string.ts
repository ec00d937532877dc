// The section `__xen_guest`: a string of NAME=VALUE with commas between, by which kernels described themselves before they had ELF
// notes. GNU Mach still does. Names and defaults: elfnote.h, "LEGACY".
import type { ElfImage } from './elf.js';
import { ImageError } from './load-error.js';
import { type PaeMode, parseFeatures, present, type XenNotes } from './xen-note-record.js';

const SECTION = '__xen_guest';
/** Longer than any such string. */
const LIMIT = 4096;

/**
 * What the string says, or undefined without that section.
 * @throws ImageError `malformed`: a number that is none
 */
export function guestString(elf: ElfImage): XenNotes | undefined {
  const section = elf.sections.find(({ name }) => name === SECTION);
  if (section === undefined) return undefined;
  const limit = Math.min(section.byteLength, LIMIT);
  const members = new Map<string, string>();
  for (const member of elf.view.text(section.offset, limit).split(',')) {
    const [, name = member, value = ''] = /^([^=]*)=(.*)$/s.exec(member) ?? [];
    members.set(name, value);
  }
  const address = (name: string) => addressOf(elf, name, members.get(name));
  const { required, supported } = parseFeatures(members.get('FEATURES') ?? '');
  const virtualBase = address('VIRT_BASE');
  const page = address('HYPERCALL_PAGE');
  return {
    source: 'guest-string',
    guestOs: members.get('GUEST_OS') ?? '',
    guestVersion: members.get('GUEST_VER') ?? '',
    loader: members.get('LOADER') ?? '',
    xenVersion: members.get('XEN_VER') ?? '',
    paeMode: paeMode(members.get('PAE')),
    requiredFeatures: required,
    supportedFeatures: supported,
    featureBits: 0,
    l1MfnValid: [],
    suspendCancel: false,
    unmappedRamdisk: false,
    ...present({
      entry: address('VIRT_ENTRY'),
      virtualBase,
      // Older kernels put their linear addresses where the physical ones belong.
      paddrOffset: address('ELF_PADDR_OFFSET') ?? virtualBase,
      hypercallPage: page === undefined ? undefined : page * 4096 + (virtualBase ?? 0),
    }),
  };
}

function paeMode(text: string | undefined): PaeMode {
  if (text === 'yes[extended-cr3]') return 'extended';
  return text?.startsWith('yes') ? 'yes' : 'no';
}

function addressOf(elf: ElfImage, name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^(0x[0-9a-f]{1,16}|[0-9]{1,19})$/i.test(text)) {
    const value = BigInt(text);
    const linear = Number(elf.bits === 64 ? BigInt.asIntN(64, value) : value);
    if (Math.abs(linear) < 2 ** 48) return linear;
  }
  throw new ImageError(
    'malformed',
    `${elf.view.what}: ${name} in the section ${SECTION} is "${text}", not an address; the file is damaged`,
  );
}
