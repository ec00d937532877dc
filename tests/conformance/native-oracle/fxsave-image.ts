// Between an FXSAVE image (ST order, abridged tags) and the state page (physical order, two-bit tags). SDM vol. 1 §10.5.1.1.
import * as L from '../../../packages/vcpu-x86/src/state/layout.js';
import type { VcpuState } from '../../../packages/vcpu-x86/src/state/vcpu-state.js';
import { clearReserved, FXSAVE_BYTES } from './protocol.js';

export function loadFxsave(state: VcpuState, image: Uint8Array): void {
  const { u8, view, base } = state;
  const source = new DataView(image.buffer, image.byteOffset, FXSAVE_BYTES);
  const status = source.getUint16(2, true);
  const top = (status >> 11) & 7;
  state.set(L.FPU_CONTROL, source.getUint16(0, true));
  state.set(L.FPU_STATUS, status);
  state.set(L.FPU_OPCODE, source.getUint16(6, true));
  state.set(L.MXCSR, source.getUint32(24, true));
  let tags = 0;
  for (let i = 0; i < 8; i++) {
    const physical = (top + i) & 7;
    const at = base + L.FPU_REGISTERS + physical * 16;
    u8.set(image.subarray(32 + i * 16, 42 + i * 16), at);
    const low = view.getUint32(at, true);
    const high = view.getUint32(at + 4, true);
    const exponent = view.getUint16(at + 8, true) & 0x7fff;
    const valid = exponent !== 0 && exponent !== 0x7fff && high >>> 31 !== 0;
    const tag = valid ? 0 : exponent === 0 && (low | high) === 0 ? 1 : 2;
    tags |= ((image[4] >> physical) & 1 ? tag : 3) << (physical * 2);
  }
  state.set(L.FPU_TAG, tags);
  u8.set(image.subarray(160, 416), base + L.XMM);
}

export function saveFxsave(state: VcpuState, bits: 32 | 64): Uint8Array {
  const { u8, base } = state;
  const image = new Uint8Array(FXSAVE_BYTES);
  const target = new DataView(image.buffer);
  const status = state.get(L.FPU_STATUS);
  const top = (status >> 11) & 7;
  target.setUint16(0, state.get(L.FPU_CONTROL), true);
  target.setUint16(2, status, true);
  const tags = state.get(L.FPU_TAG);
  for (let i = 0; i < 8; i++) {
    const physical = (top + i) & 7;
    const at = base + L.FPU_REGISTERS + physical * 16;
    image.set(u8.subarray(at, at + 10), 32 + i * 16);
    if (((tags >> (physical * 2)) & 3) !== 3) image[4] |= 1 << physical;
  }
  target.setUint16(6, state.get(L.FPU_OPCODE), true);
  target.setUint32(24, state.getU(L.MXCSR), true);
  image.set(u8.subarray(base + L.XMM, base + L.XMM + 256), 160);
  clearReserved(image, bits);
  return image;
}
