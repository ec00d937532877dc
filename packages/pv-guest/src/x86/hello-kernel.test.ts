import { disassemble } from '@proxeny/vcpu-x86/asm';
import { describe, expect, it } from 'vitest';
import { assembleHelloKernel } from './hello-kernel.js';

const image = assembleHelloKernel();
const words = new DataView(image.buffer, image.byteOffset, image.byteLength);
const word = (index: number) => words.getUint32(index * 4, true);

describe('the hello kernel', () => {
  it('begins with a Multiboot header whose sum is 0', () => {
    expect(word(0)).toBe(0x1badb002);
    expect((word(0) + word(1) + word(2)) >>> 0).toBe(0);
  });

  it('says where it goes, and those addresses fit the image', () => {
    const [header, load, loadEnd, memoryEnd, entry] = [3, 4, 5, 6, 7].map(word);
    expect([header, load]).toEqual([0x100000, 0x100000]);
    expect(loadEnd - load).toBe(image.length);
    expect(memoryEnd).toBeGreaterThan(loadEnd + 0x4000);
    expect(entry).toBe(load + 32);
  });

  it('starts by clearing the direction flag and setting up a stack', () => {
    const start = disassemble(image.subarray(32, 38), 32, 0x100020);
    expect(start[0].text).toBe('cld');
    expect(start[1].text).toBe(`mov esp, 0x${word(6).toString(16)}`);
  });

  it('keeps no variable on a page with code', () => {
    expect(word(5) % 4096).toBe(0);
  });
});
