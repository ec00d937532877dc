// FXSAVE, FXRSTOR, XSAVE, XSAVEOPT and XRSTOR on the host CPU and on the reference evaluator. Not compared: instruction and operand
// pointers (AMD saves them with a pending exception only) and MXCSR_MASK (it names what the CPU has).
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { simdRoutines } from '../../../packages/vcpu-x86/src/routines/simd.js';
import { simdSemantics } from '../../../packages/vcpu-x86/src/semantics/simd.js';
import {
  type CaseDraft,
  CaseGenerator,
  type EncodedInstruction,
  type InstructionForm,
} from './case-generator.js';
import { describeDifference } from './compare.js';
import { NativeOracle } from './driver.js';
import { drawExtended, drawLanes } from './edge-values.js';
import { setGpr } from './native-case.js';
import { type ExecutionResult, type NativeCase, WINDOW_ADDRESS } from './protocol.js';
import type { Random } from './random.js';
import { ReferenceCpu } from './reference.js';
import { initialWindow, windowChanges } from './window-memory.js';

const oracles = {} as Record<32 | 64, NativeOracle>;
beforeAll(async () => {
  oracles[32] = await NativeOracle.open({ bits: 32 });
  oracles[64] = await NativeOracle.open({ bits: 64 });
});
afterAll(async () => {
  await oracles[32]?.close();
  await oracles[64]?.close();
});

interface Area {
  readonly name: string;
  /** ModRM.reg behind 0F AE. */
  readonly extension: number;
  readonly bytes: 512 | 576;
}
const areas: readonly Area[] = [
  { name: 'FXSAVE', extension: 0, bytes: 512 },
  { name: 'FXRSTOR', extension: 1, bytes: 512 },
  { name: 'XSAVE', extension: 4, bytes: 576 },
  { name: 'XRSTOR', extension: 5, bytes: 576 },
  { name: 'XSAVEOPT', extension: 6, bytes: 576 },
];

/** An image to load: any values, most often such as do not fault. */
function drawImage(random: Random, bytes: number): Uint8Array {
  const image = new Uint8Array(bytes);
  const view = new DataView(image.buffer);
  image.set(drawLanes(random, 'int32', 32), 0);
  view.setUint32(24, random.oneIn(10) ? random.u32() & ~0x2_0000 : random.u32() & 0xffff, true);
  for (let i = 0; i < 8; i++) image.set(drawExtended(random), 32 + i * 16);
  image.set(drawLanes(random, 'int64', 256), 160);
  if (bytes > 512) {
    view.setUint32(512, random.below(4) | (random.oneIn(12) ? 0x400 : 0), true);
    if (random.oneIn(12)) image[520 + random.below(16)] = 1;
  }
  return image;
}

function formOf(area: Area, bits: 32 | 64): InstructionForm {
  const encode = (random: Random): EncodedInstruction => {
    const wide = bits === 64 && random.oneIn(2);
    const alignment = area.bytes === 576 ? 64 : 16;
    const memory = [{ base: 3, addressBits: bits, byteLength: area.bytes, alignment }] as const;
    return {
      code: Uint8Array.of(...(wide ? [0x48] : []), 0x0f, 0xae, (area.extension << 3) | 3),
      fpu: random.pick(['x87', 'mmx']),
      memory,
      adjust: (draft: CaseDraft, from: Random) => {
        // Components asked for: x87 and SSE only, whatever else the host has.
        setGpr(draft.gpr, 0, from.below(4));
        setGpr(draft.gpr, 2, 0);
        // Sometimes an initial configuration of either component.
        if (from.oneIn(6)) draft.fxsave.fill(0, 160, 416);
        const offset = draft.gpr[6] - WINDOW_ADDRESS;
        const room = 0x2000 - offset;
        if (offset < 0 || room <= 0) return;
        const image = drawImage(from, area.bytes).subarray(0, room);
        draft.patches.push({ offset, bytes: image });
      },
    };
  };
  return { name: area.name, encode };
}

/** Window bytes that do not count, from the area's start. */
const ignored: readonly (readonly [from: number, to: number])[] = [
  [6, 24],
  [28, 32],
];
function withoutIgnored(input: NativeCase, result: ExecutionResult): ExecutionResult {
  const before = initialWindow(input.seed, input.patches);
  const after = before.slice();
  for (const { offset, bytes } of result.changes) after.set(bytes, offset);
  const start = input.gpr[6] - WINDOW_ADDRESS;
  for (const [from, to] of ignored) {
    for (let at = start + from; at < start + to; at++) {
      if (at >= 0 && at < after.length) after[at] = before[at];
    }
  }
  return { ...result, changes: windowChanges(before, after) };
}

describe.each([32, 64] as const)('state images, %i-bit', (bits) => {
  it.each(areas.map((area) => [area.name, area] as const))('%s', async (name, area) => {
    const reference = new ReferenceCpu({ bits, semantics: simdSemantics, routines: simdRoutines });
    const generator = new CaseGenerator({ seed: 3 + area.extension, bits });
    const inputs = generator.take(formOf(area, bits), 300).map((g) => g.input);
    const found: string[] = [];
    for (const [i, result] of (await oracles[bits].run(inputs)).entries()) {
      const native = withoutIgnored(inputs[i], result);
      const emulated = withoutIgnored(inputs[i], reference.run(inputs[i]));
      const text = describeDifference(name, inputs[i], native, emulated, { bits });
      if (text) found.push(text);
    }
    expect(found.length === 0 ? '' : `${found.length} of 300\n${found[0]}`).toBe('');
  });
});
