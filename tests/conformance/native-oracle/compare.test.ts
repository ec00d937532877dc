// The comparison of a native with an emulated result.
import { describe, expect, it } from 'vitest';
import { describeDifference, differences } from './compare.js';
import { NativeOracle } from './driver.js';
import { nativeCase } from './native-case.js';
import { WINDOW_ADDRESS } from './protocol.js';

const AF = 0x10;

describe('compare', () => {
  it('says nothing about equal results and names what differs otherwise', async () => {
    const input = nativeCase({ code: [0x01, 0x03], registers: { rax: 5, rbx: WINDOW_ADDRESS } });
    const oracle = await NativeOracle.open({ bits: 64 });
    const [native] = await oracle.run([input]);
    await oracle.close();
    expect(describeDifference('ADD', input, native, native, { bits: 64 })).toBeUndefined();
    const emulated = { ...native, rflags: native.rflags ^ AF, changes: [] };
    const found = differences(input, native, emulated, { bits: 64 });
    expect(found.map((d) => d.field)).toEqual(['rflags', '[20000000]']);
    const masked = differences(input, native, emulated, { bits: 64, undefinedFlags: AF });
    expect(masked.map((d) => d.field)).toEqual(['[20000000]']);
    const text = describeDifference('ADD Ev,Gv', input, native, emulated, { bits: 64 });
    expect(text).toContain('ADD Ev,Gv: 01 03 (64-bit) differs in rflags, [20000000]');
    expect(text).toMatch(/native {3}05 00 00/);
  });
});
