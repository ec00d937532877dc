// Which CPU features an image cannot do without, by their /proc/cpuinfo names.
import { EM_X86_64, isElf, parseElf } from './elf.js';
import { ImageError } from './load-error.js';
import { isBzImage, parseSetupHeader, type SetupHeader, XLF_KERNEL_64 } from './setup-header.js';

/** The text in front of the setup code's own table of required features. */
const MARK = 'features not present on the CPU:\n';
const FEATURE_NAME = /^[a-z0-9_]{2,16}$/;
/** Words of Linux' feature array that no CPUID leaf has: Linux' own findings, such as `nopl`. The setup code skips them too. */
const SOFTWARE_WORDS: ReadonlySet<number> = new Set([3, 7, 8, 11]);

/**
 * The features a Linux kernel requires. A kernel's setup code has a table of their names (to print what is missing), so
 * `pae` of a PAE kernel or `cmov` of a 686 one are found; images without that table tell only 64-bit (`lm`).
 */
export function requiredCpuFeatures(header: SetupHeader): string[] {
  const features = namedFeatures(header.view.bytes.subarray(0, header.setupByteLength));
  if ((header.xloadflags & XLF_KERNEL_64) !== 0) features.add('lm');
  return [...features];
}

/**
 * Entries of `word, bit, name, NUL` behind the messages of the setup code; the last entry has an empty name. Before the
 * first there may be padding, indistinguishable from word 0, bit 0.
 */
function namedFeatures(setup: Uint8Array): Set<string> {
  const features = new Set<string>();
  const text = String.fromCharCode(...setup.subarray(0, 0x10000));
  const mark = text.indexOf(MARK);
  const messages = mark < 0 ? -1 : text.indexOf('%d:%d \0', mark);
  if (messages < 0) return features;
  let at = messages + '%d:%d \0'.length;
  const limit = Math.min(text.length, at + 16);
  while (at < limit && text.charCodeAt(at) < 0x20) at++;
  for (;;) {
    const end = text.indexOf('\0', at);
    const name = end < 0 ? '' : text.slice(at, end);
    if (!FEATURE_NAME.test(name)) return features;
    if (!SOFTWARE_WORDS.has(text.charCodeAt(at - 2))) features.add(name);
    at = end + 3;
  }
}

/** The features of any image we know: a bzImage's own list, `lm` for a 64-bit ELF, else none. */
export function imageCpuFeatures(image: Uint8Array): string[] {
  if (isBzImage(image)) return requiredCpuFeatures(parseSetupHeader(image));
  if (isElf(image) && parseElf(image).machine === EM_X86_64) return ['lm'];
  return [];
}

/** @throws ImageError `cpu-feature-missing` naming every feature that `has` denies. */
export function checkCpuFeatures(
  imageName: string,
  required: readonly string[],
  has: (name: string) => boolean,
): void {
  const missing = required.filter((name) => !has(name));
  if (missing.length === 0) return;
  const lm = missing.includes('lm') ? ' ("lm" is 64-bit mode: this is a 64-bit kernel)' : '';
  throw new ImageError(
    'cpu-feature-missing',
    `${imageName} needs the CPU feature${missing.length > 1 ? 's' : ''} ${missing.join(', ')}, ` +
      `which the chosen CPU model lacks${lm}; choose another model or another kernel`,
  );
}
