// What may differ between the host's x87 and ours, taken out of a native result before it is compared: the transcendentals. Ours
// are correctly rounded, the host's may be off by one unit in the last place (SDM vol. 1 §8.3.10), and C1 says which way it rounded.
import type { ExecutionResult } from './protocol.js';

const C1 = 0x0200;
/** Registers that receive results. */
const TRANSCENDENTAL: Readonly<Record<string, readonly number[]>> = {
  F2XM1: [0],
  FYL2X: [0],
  FYL2XP1: [0],
  FPATAN: [0],
  FSIN: [0],
  FCOS: [0],
  FSINCOS: [0, 1],
  FPTAN: [0, 1],
};

/** ST(i) of an FXSAVE image as an integer that counts units in the last place. */
function place(image: DataView, i: number): bigint {
  const se = image.getUint16(32 + i * 16 + 8, true);
  const significand = image.getBigUint64(32 + i * 16, true);
  const exponent = BigInt(se & 0x7fff);
  const count = exponent === 0n ? significand : ((exponent - 1n) << 63n) + significand;
  return se >> 15 ? -count : count;
}

/** The native result with the emulated one's values where both are right. */
export function withPermitted(
  mnemonic: string,
  native: ExecutionResult,
  emulated: ExecutionResult,
): ExecutionResult {
  const registers = TRANSCENDENTAL[mnemonic];
  if (!registers) return native;
  const fxsave = native.fxsave.slice();
  const theirs = new DataView(fxsave.buffer);
  const { buffer, byteOffset } = emulated.fxsave;
  const ours = new DataView(buffer, byteOffset);
  theirs.setUint16(2, (theirs.getUint16(2, true) & ~C1) | (ours.getUint16(2, true) & C1), true);
  for (const i of registers) {
    const units = place(theirs, i) - place(ours, i);
    const [from, to] = [32 + i * 16, 42 + i * 16];
    if (units >= -1n && units <= 1n) fxsave.set(emulated.fxsave.subarray(from, to), from);
  }
  return { ...native, fxsave };
}
