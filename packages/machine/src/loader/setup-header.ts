// The Linux/x86 setup header at offset 0x1f1 of a bzImage or zImage. Linux Documentation/arch/x86/boot.rst, protocols
// 2.00–2.15; field names are that document's. Fields newer than the image's protocol have the values it prescribes.
import { ImageView } from './image-view.js';
import { ImageError } from './load-error.js';

/** loadflags: the protected-mode code is loaded at 1 MiB (bzImage), not at 64 KiB (zImage). */
export const LOADED_HIGH = 0x01;
/** loadflags: the loader keeps the segment registers; heap_end_ptr is valid. */
export const KEEP_SEGMENTS = 0x40;
export const CAN_USE_HEAP = 0x80;
/** xloadflags: a 64-bit kernel with the 64-bit entry point at 0x200. */
export const XLF_KERNEL_64 = 0x01;

const HDRS = 0x53726448;

export interface SetupHeader {
  readonly view: ImageView;
  /** Boot protocol, 0x020f for 2.15. */
  readonly version: number;
  /** Where the header ends in the file: it is copied to the zero page from 0x1f1 to here. */
  readonly headerEnd: number;
  /** Where the protected-mode code starts in the file (boot sector + setup sectors), in bytes. */
  readonly setupByteLength: number;
  /** The protected-mode code. */
  readonly kernel: Uint8Array;
  /** The kernel's version text; empty if it has none. */
  readonly kernelVersion: string;
  readonly loadflags: number;
  readonly xloadflags: number;
  /** Where the protected-mode code expects to be loaded (and entered) unless it is relocatable. */
  readonly code32Start: number;
  /** Highest address the last byte of the initrd may have. */
  readonly initrdAddrMax: number;
  readonly kernelAlignment: number;
  readonly relocatable: boolean;
  /** Longest command line without its NUL, in bytes. */
  readonly cmdlineSize: number;
  /** The compressed kernel within {@link kernel}; length 0 if not stated. */
  readonly payloadOffset: number;
  readonly payloadLength: number;
  readonly prefAddress: number;
  /** Linear memory the kernel needs from its runtime start on, before it looks at the memory map. */
  readonly initSize: number;
}

/** Whether `bytes` has the boot sector signature and the "HdrS" header of protocol 2.00 or later. */
export function isBzImage(bytes: Uint8Array): boolean {
  if (bytes.length < 0x210) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return view.getUint16(0x1fe, true) === 0xaa55 && view.getUint32(0x202, true) === HDRS;
}

/** @throws ImageError `not-an-image`, `truncated`, `malformed`, `unsupported` */
export function parseSetupHeader(bytes: Uint8Array, name = 'bzImage'): SetupHeader {
  if (!isBzImage(bytes)) throw new ImageError('not-an-image', `${name} is not a Linux bzImage`);
  const view = new ImageView(bytes, name);
  const version = view.u16(0x206);
  if (version < 0x200 || version >= 0x300) {
    throw new ImageError(
      'unsupported',
      `${name} has boot protocol 0x${version.toString(16)}; 2.00 to 2.15 are known`,
    );
  }
  const since = <T>(protocol: number, read: () => T, otherwise: T): T =>
    version >= protocol ? read() : otherwise;

  const setupByteLength = ((view.u8(0x1f1) || 4) + 1) * 512;
  view.need(0, setupByteLength, 'the setup code');
  // Before 2.04 syssize is unreliable: the file's length counts. Later it is exact, in paragraphs rounded up.
  const kernelLength = since(0x204, () => view.u32(0x1f4) * 16, view.byteLength - setupByteLength);
  view.need(setupByteLength, Math.max(1, kernelLength - 15), 'the protected-mode kernel');
  const kernelEnd = Math.min(setupByteLength + kernelLength, view.byteLength);
  const versionAt = view.u16(0x20e);
  const loadflags = view.u8(0x211);
  const header: SetupHeader = {
    view,
    version,
    headerEnd: Math.min(0x202 + view.u8(0x201), 0x290, setupByteLength),
    setupByteLength,
    kernel: bytes.subarray(setupByteLength, kernelEnd),
    kernelVersion: versionAt === 0 ? '' : view.text(Math.min(versionAt + 0x200, bytes.length), 256),
    loadflags,
    xloadflags: since(0x20c, () => view.u16(0x236), 0),
    code32Start: view.u32(0x214),
    initrdAddrMax: since(0x203, () => view.u32(0x22c), 0x37ffffff),
    kernelAlignment: since(0x205, () => view.u32(0x230), 0),
    relocatable: since(0x205, () => view.u8(0x234) !== 0, false),
    cmdlineSize: since(0x206, () => view.u32(0x238), 255),
    payloadOffset: since(0x208, () => view.u32(0x248), 0),
    payloadLength: since(0x208, () => view.u32(0x24c), 0),
    prefAddress: since(0x20a, () => view.u64(0x258), 0),
    initSize: since(0x20a, () => view.u32(0x260), 0),
  };
  const alignment = header.kernelAlignment;
  if (header.relocatable && (alignment === 0 || (alignment & (alignment - 1)) !== 0)) {
    throw new ImageError('malformed', `${name}: kernel_alignment 0x${alignment.toString(16)}`);
  }
  return header;
}
