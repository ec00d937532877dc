// The code fetches' own translations: what they find, and what makes them forget.
import { beforeEach, describe, expect, it } from 'vitest';
import { CodePages } from './code-pages.js';

const FRAMES = 1024;
const KERNEL = -0x7f00_0000;

describe('CodePages', () => {
  let pages: CodePages;
  beforeEach(() => {
    pages = new CodePages(FRAMES);
  });

  it('finds bytes of noted pages, at either end of the canonical addresses', () => {
    for (const page of [0, 0x7fff_ffff_f000, -0x8000_0000_0000, -4096, KERNEL]) {
      expect(pages.find(page, false, false)).toBe(-1);
      pages.note(page, 0x5000, false, false);
      expect(pages.find(page, false, false)).toBe(0x5000);
      expect(pages.find(page + 0xfff, false, false)).toBe(0x5fff);
      expect(pages.find(page + 0x1000, false, false)).toBe(-1);
      expect(pages.find(page - 1, false, false)).toBe(-1);
    }
  });
  it('keeps levels, and code of the kernel and of its programs, apart', () => {
    pages.note(0x1000, 0x5000, true, true);
    expect(pages.find(0x1000, true, true)).toBe(0x5000);
    expect(pages.find(0x1000, true, false)).toBe(-1);
    expect(pages.find(0x1000, false, false)).toBe(-1);
    pages.note(0x1000, 0x6000, true, false);
    expect(pages.find(0x1000, false, false)).toBe(-1);
    expect(pages.find(0x1000, true, false)).toBe(0x6000);
    expect(pages.find(0x1000, true, true)).toBe(0x5000);
  });
  it('forgets either kind as a whole', () => {
    pages.note(0x1000, 0x5000, true, true);
    pages.note(KERNEL, 0x6000, false, false);
    pages.forgetUser();
    expect(pages.find(0x1000, true, true)).toBe(-1);
    expect(pages.find(KERNEL, false, false)).toBe(0x6000);
    pages.note(0x1000, 0x5000, true, true);
    pages.forgetSystem();
    expect(pages.find(0x1000, true, true)).toBe(0x5000);
    expect(pages.find(KERNEL, false, false)).toBe(-1);
  });
  it('forgets every page of a frame, and no other', () => {
    for (let round = 0; round < 2; round++) {
      pages.note(0x1000, 0x5000, true, true);
      pages.note(KERNEL, 0x5000, false, false);
      pages.note(KERNEL + 4096, 0x6000, false, false);
      pages.forgetFrame(0x7000);
      pages.forgetFrame(0x5000);
      expect(pages.find(0x1000, true, true)).toBe(-1);
      expect(pages.find(KERNEL, false, false)).toBe(-1);
      expect(pages.find(KERNEL + 4096, false, false)).toBe(0x6000);
    }
  });
  it('knows the frames that the kernel’s code was fetched from since it was forgotten', () => {
    pages.note(0x1000, 0x5000, true, true);
    pages.note(KERNEL, 0x6000, false, false);
    expect([0x5000, 0x6000].map((host) => pages.hasSystemCode(host))).toEqual([false, true]);
    pages.forgetFrame(0x6000);
    pages.forgetUser();
    expect(pages.hasSystemCode(0x6000)).toBe(true);
    pages.forgetSystem();
    expect(pages.hasSystemCode(0x6000)).toBe(false);
  });
});
