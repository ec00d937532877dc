// Virtual device numbers: what a block device is called in xenstore, and the name a guest gives it. docs/misc/vbd-interface, man xen-vbd-interface(7).

const XVD_MAJOR = 202;
const XVD_MINORS = 16;
const EXTENDED = 1 << 28;
const EXTENDED_MINORS = 256;
const SCSI_MAJOR = 8;
/** Of four disks, two each; there are no more by such names. */
const IDE_MAJORS = [3, 22];

/** `a` is 0, `z` 25, `aa` 26. */
function diskIndex(letters: string): number {
  let index = 0;
  for (const letter of letters) index = index * 26 + (letter.charCodeAt(0) - 96);
  return index - 1;
}

/**
 * The number of a disk, or of a partition shown as a disk, by its name: `xvda`, `xvdb3`, `sdc`, `hda`, `d5p2`.
 * Null if the name is none or the number does not exist.
 */
export function virtualDeviceNumber(name: string): number | null {
  const [, kind, letters, digits] = /^(xvd|sd|hd)([a-z]{1,3})([1-9]\d{0,2})?$/.exec(name) ?? [];
  const [, plain, part] = /^d(\d{1,6})(?:p(\d{1,3}))?$/.exec(name) ?? [];
  if (plain !== undefined) return xvdNumber(Number(plain), Number(part ?? 0));
  if (letters === undefined) return null;
  const disk = diskIndex(letters);
  const partition = Number(digits ?? 0);
  if (kind === 'xvd') return xvdNumber(disk, partition);
  if (kind === 'sd') {
    if (disk > 15 || partition > 15) return null;
    return (SCSI_MAJOR << 8) | (disk << 4) | partition;
  }
  const major = IDE_MAJORS[disk >> 1];
  if (major === undefined || partition > 63) return null;
  return (major << 8) | ((disk & 1) << 6) | partition;
}

function xvdNumber(disk: number, partition: number): number | null {
  if (disk < 16 && partition < XVD_MINORS) return (XVD_MAJOR << 8) | (disk << 4) | partition;
  if (disk >= 1 << 20 || partition >= EXTENDED_MINORS) return null;
  return EXTENDED | (disk << 8) | partition;
}
