// The 440FX host bridge (82441FX, function 0 of device 0): identity and the PAM registers which decide, for each piece of
// 0xC0000-0xFFFFF, whether reads come from RAM or ROM and whether writes reach RAM.
// The subsystem id is the one by which SeaBIOS recognizes a machine with fw_cfg.
import { PciDevice } from './pci-device.js';

const PAM0 = 0x59;
const SMRAM = 0x72;
const PAM_COUNT = 13;

/** One PAM segment after the guest changed it. */
export interface PamSegment {
  /** First address. */
  readonly base: number;
  readonly byteLength: number;
  /** Reads come from RAM (else from ROM, or the bus). */
  readonly readRam: boolean;
  /** Writes reach RAM (else they are lost). */
  readonly writeRam: boolean;
}

/** Makes the host bridge. `shadowChanged` is called for every segment whose attributes changed. */
export function createI440fx(shadowChanged: (segment: PamSegment) => void): PciDevice {
  const bridge = new PciDevice('440FX host bridge', {
    vendorId: 0x8086,
    deviceId: 0x1237,
    classCode: 0x060000,
    revision: 2,
    subsystemVendorId: 0x1af4,
    subsystemId: 0x1100,
  });
  for (let i = 0; i < 7; i++) bridge.allowWrites(PAM0 + i, 1, i === 0 ? 0x30 : 0x33);
  bridge.preset(SMRAM, 1, 0x02);
  bridge.allowWrites(SMRAM, 1, 0x78);
  const known = new Uint8Array(PAM_COUNT);
  bridge.onConfigWritten = () => {
    for (let segment = 0; segment < PAM_COUNT; segment++) {
      const attributes = attributesOf(bridge, segment);
      if (attributes === known[segment]) continue;
      known[segment] = attributes;
      shadowChanged({
        base: segment === 0 ? 0xf0000 : 0xc0000 + (segment - 1) * 0x4000,
        byteLength: segment === 0 ? 0x10000 : 0x4000,
        readRam: (attributes & 1) !== 0,
        writeRam: (attributes & 2) !== 0,
      });
    }
  };
  return bridge;
}

/** Segment 0 is PAM0's high nibble; 1 and 2 are PAM1's low and high nibble, and so on. */
function attributesOf(bridge: PciDevice, segment: number): number {
  const register = bridge.configAt(PAM0 + ((segment + 1) >> 1), 1);
  return ((segment & 1) === 1 ? register : register >> 4) & 3;
}
