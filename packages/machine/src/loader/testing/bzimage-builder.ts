// Small bzImages for the tests of the loaders: boot sector, one setup sector, a setup header and a kernel.

export interface BuiltBzImage {
  /** Default 0x020f. */
  readonly version?: number;
  /** Default LOADED_HIGH. */
  readonly loadflags?: number;
  /** Default 0 (32-bit). */
  readonly xloadflags?: number;
  /** Default: relocatable, to 16 MiB, needing 1 MiB there. */
  readonly relocatable?: boolean;
  readonly prefAddress?: number;
  readonly initSize?: number;
  readonly initrdAddrMax?: number;
  readonly cmdlineSize?: number;
  readonly payload?: readonly [offset: number, byteLength: number];
  /** Names in the setup code's table of required CPU features (`nopl`, not of CPUID, is added). */
  readonly features?: readonly string[];
  readonly kernel: Uint8Array;
}

export const SETUP_SIZE = 1024;

/** The kernel is padded to a multiple of 16 bytes. */
export function buildBzImage(image: BuiltBzImage): Uint8Array {
  const paragraphs = Math.ceil(image.kernel.length / 16);
  const bytes = new Uint8Array(SETUP_SIZE + paragraphs * 16);
  const view = new DataView(bytes.buffer);
  const u32 = (at: number, value: number): void => view.setUint32(at, value, true);
  bytes[0x1f1] = 1;
  u32(0x1f4, paragraphs);
  view.setUint16(0x1fe, 0xaa55, true);
  view.setUint16(0x200, 0x6aeb, true); // jmp over the header, which ends at 0x26c
  u32(0x202, 0x53726448);
  view.setUint16(0x206, image.version ?? 0x020f, true);
  view.setUint16(0x20e, 0x100, true);
  bytes[0x211] = image.loadflags ?? 1;
  u32(0x214, 0x100000);
  u32(0x22c, image.initrdAddrMax ?? 0x7fffffff);
  u32(0x230, 0x200000);
  bytes[0x234] = (image.relocatable ?? true) ? 1 : 0;
  view.setUint16(0x236, image.xloadflags ?? 0, true);
  u32(0x238, image.cmdlineSize ?? 2047);
  u32(0x248, image.payload?.[0] ?? 0);
  u32(0x24c, image.payload?.[1] ?? 0);
  u32(0x258, image.prefAddress ?? 0x1000000);
  u32(0x260, image.initSize ?? 0x100000);
  const text = (at: number, value: string): void => {
    for (let i = 0; i < value.length; i++) bytes[at + i] = value.charCodeAt(i);
  };
  text(0x300, '1.2.3 test\0');
  if (image.features !== undefined) {
    const names = image.features.map((name, i) => `\0${String.fromCharCode(i)}${name}\0`).join('');
    text(
      0x320,
      `features not present on the CPU:\n\0%s \0%d:%d \0\0\0${names}\x03\x14nopl\0\x15\x1f\0WARNING: no feature\0`,
    );
  }
  bytes.set(image.kernel, SETUP_SIZE);
  return bytes;
}
