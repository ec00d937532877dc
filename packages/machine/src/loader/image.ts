// The loaders' front door: what kind of image is this, and load it.
import { hasEntry64, loadBzImage } from './bzimage.js';
import { checkCpuFeatures, imageCpuFeatures } from './cpu-features.js';
import { HIGH_RAM_START, isRam, pcMemoryMap, writeBiosDataArea } from './e820.js';
import { isElf, parseElf } from './elf.js';
import type { LoadTarget } from './entry.js';
import { isFirmware, loadFirmware } from './firmware.js';
import { foreignFile } from './foreign-file.js';
import { unpackKernelPayload } from './kernel-payload.js';
import { ImageError } from './load-error.js';
import type { BootProtocol, LoadContext, LoadedImage, LoadRequest } from './load-request.js';
import { loadMultiboot } from './multiboot.js';
import { findMultibootHeader } from './multiboot-header.js';
import { sniffPayload, unpackPayload } from './payload.js';
import { loadPlainElf } from './plain-elf.js';
import { loadPvh, pvhEntry } from './pvh.js';
import { isBzImage, parseSetupHeader } from './setup-header.js';

/** `compressed`: a gzip, XZ, … file that {@link loadImage} unpacks and looks at again. */
export type ImageKind = 'bzimage' | 'multiboot' | 'pvh' | 'elf' | 'firmware' | 'compressed';

/**
 * What kind of image `bytes` is.
 * @throws ImageError `not-an-image` (saying what it looks like), or what is wrong with its headers
 */
export function sniffImage(bytes: Uint8Array, name = 'the image'): ImageKind {
  if (bytes.length === 0) throw new ImageError('not-an-image', `${name} is empty`);
  if (isBzImage(bytes)) return 'bzimage';
  if (isElf(bytes)) {
    if (pvhEntry(parseElf(bytes, name)) !== undefined) return 'pvh';
    return findMultibootHeader(bytes) >= 0 ? 'multiboot' : 'elf';
  }
  if (findMultibootHeader(bytes) >= 0) return 'multiboot';
  if (sniffPayload(bytes) !== undefined) return 'compressed';
  if (isFirmware(bytes)) return 'firmware';
  throw new ImageError(
    'not-an-image',
    `${name} is not a kernel: ${foreignFile(bytes)}. ` +
      'Known are Linux bzImage, PVH, Multiboot and plain ELF images (also compressed) and raw firmware',
  );
}

/**
 * Loads an image into fresh guest memory.
 * @returns the CPU state to start with, and what was placed where
 * @throws ImageError; guest memory may be partly written then
 */
export function loadImage(memory: LoadTarget, request: LoadRequest): LoadedImage {
  const context: LoadContext = {
    ...request,
    memory,
    imageName: request.imageName ?? 'kernel',
    commandLine: request.commandLine ?? '',
    modules: request.modules ?? [],
    memoryMap: request.memoryMap ?? pcMemoryMap(memory.byteLength),
  };
  if (!isRam(context.memoryMap, HIGH_RAM_START, HIGH_RAM_START + 0x100000)) {
    throw new ImageError('memory-too-small', 'a PC needs at least 2 MiB of memory');
  }
  if (request.commandLine?.includes('\0')) {
    throw new ImageError('malformed', 'the command line contains a NUL character');
  }
  if (request.protocol === 'firmware') return loadFirmware(context);
  const kind = sniffImage(context.image, context.imageName);
  if (kind !== 'compressed') return loadKind(kind, context);
  const unpacked = { ...context, image: unpackPayload(context.image) };
  const innerKind = sniffImage(unpacked.image, `${context.imageName} (unpacked)`);
  if (innerKind === 'compressed') {
    throw new ImageError('unsupported', `${context.imageName} is compressed twice; unpack it`);
  }
  return loadKind(innerKind, unpacked);
}

function loadKind(kind: Exclude<ImageKind, 'compressed'>, context: LoadContext): LoadedImage {
  const { image, imageName, hasCpuFeature } = context;
  const protocol = context.protocol ?? defaultProtocol(kind, context);
  if (hasCpuFeature !== undefined) {
    checkCpuFeatures(imageName, imageCpuFeatures(image), hasCpuFeature);
  }
  if (protocol === 'firmware') return loadFirmware(context);
  writeBiosDataArea(context.memory);
  if (protocol === 'multiboot') return loadMultiboot(context);
  if (kind === 'bzimage') {
    const header = parseSetupHeader(image, imageName);
    if (protocol === 'linux32' || protocol === 'linux64') {
      return loadBzImage(header, context, protocol);
    }
    const elf = parseElf(unpackKernelPayload(header), `${imageName} (payload)`);
    return protocol === 'pvh' ? loadPvh(elf, context) : loadPlainElf(elf, context);
  }
  if (protocol === 'linux32' || protocol === 'linux64') {
    throw new ImageError(
      'unsupported',
      `${imageName} is not a bzImage, so it cannot be entered by ${protocol}`,
    );
  }
  const elf = parseElf(image, imageName);
  return protocol === 'pvh' ? loadPvh(elf, context) : loadPlainElf(elf, context);
}

function defaultProtocol(
  kind: Exclude<ImageKind, 'compressed'>,
  context: LoadContext,
): BootProtocol {
  if (kind !== 'bzimage') return kind;
  return hasEntry64(parseSetupHeader(context.image, context.imageName)) ? 'linux64' : 'linux32';
}
