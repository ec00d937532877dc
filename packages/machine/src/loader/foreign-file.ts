// Naming files that are no kernel, so that the error message can say what the user gave us instead.

interface Signature {
  readonly at: number;
  readonly bytes: string;
  readonly what: string;
}

const SIGNATURES: readonly Signature[] = [
  { at: 0, bytes: '070701', what: 'it is a cpio archive: give it as initrd' },
  { at: 0, bytes: '070702', what: 'it is a cpio archive: give it as initrd' },
  { at: 0x8001, bytes: 'CD001', what: 'it is an ISO 9660 CD image, not a kernel from it' },
  { at: 0, bytes: 'QFI\xfb', what: 'it is a qcow2 disk image' },
  { at: 0, bytes: 'KDMV', what: 'it is a VMDK disk image' },
  {
    at: 0,
    bytes: '!<arch>\n',
    what: 'it is a Debian package or ar archive: take the kernel out of it',
  },
  { at: 257, bytes: 'ustar', what: 'it is a tar archive' },
  { at: 0, bytes: 'PK\x03\x04', what: 'it is a ZIP archive' },
  { at: 0x38, bytes: 'ARMd', what: 'it is a Linux kernel for ARM64' },
  { at: 0, bytes: 'MZ', what: 'it is a DOS or EFI program' },
  { at: 0x1fe, bytes: '\x55\xaa', what: 'it is a disk image or boot sector' },
  { at: 0, bytes: '#!', what: 'it is a script' },
];

/** What `bytes` looks like, as a clause. */
export function foreignFile(bytes: Uint8Array): string {
  for (const { at, bytes: magic, what } of SIGNATURES) {
    let i = 0;
    while (i < magic.length && bytes[at + i] === magic.charCodeAt(i)) i++;
    if (i === magic.length) return what;
  }
  const head = bytes.subarray(0, 512);
  if (head.every((b) => (b >= 0x20 && b < 0x7f) || (b >= 9 && b <= 13))) return 'it is a text file';
  if (head.every((b) => b === 0)) return 'it starts with zeros';
  return 'its format is unknown';
}
