// The software TLB and its filter: what INVLPG and a new CR3 must take, and what stays.
import { describe, expect, it } from 'vitest';
import { PageMarks } from './page-marks.js';
import {
  SET_SUPERVISOR,
  SET_USER,
  TLB_ENTRIES,
  TLB_INDEX_MASK,
  TLB_INDEX_SHIFT,
  TLB_SET_SIZE,
  TLB_SETS,
  TLB_WRITE,
  Tlb,
} from './tlb.js';

/** From a page to the next one with the same place. */
const REACH = TLB_ENTRIES * 4096;

function fixture(): { tlb: Tlb; holds: (set: number, page: number) => boolean } {
  const memory = new WebAssembly.Memory({ initial: 10 });
  const tlb = new Tlb(memory, 65536);
  expect(65536 + TLB_SETS * TLB_SET_SIZE).toBeLessThanOrEqual(memory.buffer.byteLength);
  const view = new DataView(memory.buffer);
  return {
    tlb,
    holds: (set, page) =>
      Number(
        view.getBigInt64(tlb.setBase(set) + ((page >>> TLB_INDEX_SHIFT) & TLB_INDEX_MASK), true),
      ) === page,
  };
}

describe('Tlb', () => {
  it('keeps only global entries over a flush that keeps them, however many were filled', () => {
    for (const count of [10, 3000]) {
      const { tlb, holds } = fixture();
      tlb.fill(SET_SUPERVISOR, 0x7ff000, 0, true, true, 4096);
      for (let i = 0; i < count; i++) tlb.fill(SET_USER, (i % 700) * 4096, 0, true, false, 4096);
      tlb.flush(true);
      expect(holds(SET_SUPERVISOR, 0x7ff000)).toBe(true);
      for (let i = 0; i < 700; i++) expect(holds(SET_USER, i * 4096)).toBe(false);
      tlb.flush(false);
      expect(holds(SET_SUPERVISOR, 0x7ff000)).toBe(false);
    }
  });
  it.each([1, 2, 3])('lets nobody write to a frame that holds code, mapped %i times', (times) => {
    const memory = new WebAssembly.Memory({ initial: 10 });
    const tlb = new Tlb(memory, 65536);
    const view = new DataView(memory.buffer);
    const canWrite = (page: number): boolean =>
      // The lower half of the tag for writing stands behind the upper one.
      view.getUint32(
        tlb.setBase(SET_USER) + ((page >>> TLB_INDEX_SHIFT) & TLB_INDEX_MASK) + TLB_WRITE + 4,
        true,
      ) === page;
    const pages = [0x5000, 0x7000, 0x9000].slice(0, times);
    for (let round = 0; round < 3; round++) {
      for (const page of pages) tlb.fill(SET_USER, page, 0x3000, true, false, 4096);
      // Its entry's slot is another page's for a while, then its own again, first for reading.
      tlb.fill(SET_USER, 0x5000 + REACH, 0x4000, true, false, 4096);
      for (const writable of [false, true])
        tlb.fill(SET_USER, 0x5000, 0x3000, writable, false, 4096);
      tlb.fill(SET_USER, 0xb000, 0x4000, true, false, 4096);
      expect(pages.every(canWrite)).toBe(true);
      tlb.protectFrame(0x3000);
      expect(pages.some(canWrite)).toBe(false);
      expect(canWrite(0xb000)).toBe(true);
      if (round === 1) tlb.flush(true);
    }
  });
  it.each([1, 2, 3])('forgets a frame that is mapped %i times', (times) => {
    const { tlb, holds } = fixture();
    const pages = [0x5000, 0x7000, 0x9000].slice(0, times);
    for (let round = 0; round < 3; round++) {
      for (const page of pages) tlb.fill(SET_USER, page, 0x3000, round === 0, false, 4096);
      // Its entry's slot is another page's for a while.
      tlb.fill(SET_USER, 0x5000 + REACH, 0x4000, true, false, 4096);
      tlb.fill(SET_USER, 0x5000, 0x3000, true, false, 4096);
      tlb.fill(SET_SUPERVISOR, 0xb000, 0x4000, true, true, 4096);
      tlb.forgetFrame(0x3000);
      expect(pages.some((page) => holds(SET_USER, page))).toBe(false);
      expect(holds(SET_SUPERVISOR, 0xb000)).toBe(true);
    }
  });
  it('forgets where code is with its frame, and with everything', () => {
    const { tlb } = fixture();
    for (const forget of [() => tlb.forgetFrame(0x3000), () => tlb.flush(false)]) {
      tlb.code.note(0x5000, 0x3000, true, true);
      tlb.code.note(0x5000, 0x3000, false, false);
      tlb.forgetFrame(0x4000);
      tlb.flush(true);
      expect(tlb.code.find(0x5004, true, true)).toBe(0x3004);
      forget();
      expect(tlb.code.find(0x5004, true, true)).toBe(-1);
      expect(tlb.code.find(0x5004, false, false)).toBe(-1);
    }
  });
  it('flushes one set as a whole, and keeps the others', () => {
    const { tlb, holds } = fixture();
    tlb.fill(SET_USER, 0x1000, 0, true, true, 4096);
    tlb.fill(SET_SUPERVISOR, 0x1000, 0, true, true, 4096);
    tlb.flushSet(SET_SUPERVISOR);
    expect(holds(SET_SUPERVISOR, 0x1000)).toBe(true);
    tlb.flushSet(SET_SUPERVISOR, false);
    expect(holds(SET_SUPERVISOR, 0x1000)).toBe(false);
    expect(holds(SET_USER, 0x1000)).toBe(true);
  });
  it('drops a local entry whose slot a global one had before', () => {
    const { tlb, holds } = fixture();
    tlb.fill(SET_USER, 0x1000, 0, true, true, 4096);
    tlb.fill(SET_USER, 0x1001000, 0, true, false, 4096);
    tlb.flush(true);
    expect(holds(SET_USER, 0x1001000)).toBe(false);
  });
  it('drops every entry of a large page with one of its addresses, and keeps the others elsewhere', () => {
    const { tlb, holds } = fixture();
    tlb.fill(SET_USER, 0x400000, 0, true, false, 0x200000);
    tlb.fill(SET_SUPERVISOR, 0x5ff000, 0, true, false, 0x200000);
    tlb.flushPage(0x8001000);
    expect(holds(SET_USER, 0x400000)).toBe(true);
    tlb.flushPage(0x480000);
    expect(holds(SET_USER, 0x400000)).toBe(false);
    expect(holds(SET_SUPERVISOR, 0x5ff000)).toBe(false);
  });
});

describe('PageMarks', () => {
  it('covers what was marked, at either end of the canonical addresses', () => {
    const marks = new PageMarks();
    for (const at of [0, 0x7fff_ffff_f000, -0x8000_0000_0000, -4096]) {
      expect(marks.covers(at)).toBe(false);
      marks.mark(at, 4096);
      expect(marks.covers(at + 0xfff)).toBe(true);
      expect(marks.coversLarge(at)).toBe(false);
      marks.clear();
    }
  });
  it('covers all that a large page reaches', () => {
    const marks = new PageMarks();
    marks.mark(0xc0400000, 0x400000);
    expect(marks.covers(0xc07fffff)).toBe(true);
    expect(marks.covers(0xc0800000)).toBe(false);
    marks.mark(0x40000000, 0x40000000);
    expect(marks.covers(0x7fffffff)).toBe(true);
  });
  it('covers nothing on either side of all that was marked, wherever that would have its mark', () => {
    const marks = new PageMarks();
    const code = -0x7f00_0000;
    const alike = (1 << 14) * 4096;
    marks.mark(code, 4096);
    marks.mark(code + 2 * alike, 4096);
    for (const at of [code - alike, code + 3 * alike, 0x7fff_0000_0000])
      expect(marks.covers(at)).toBe(false);
    expect([code, code + 2 * alike].every((at) => marks.covers(at))).toBe(true);
    marks.mark(-0x4000_0000, 0x4000_0000);
    expect([-1, -0x4000_0000].every((at) => marks.coversLarge(at))).toBe(true);
    expect(marks.coversLarge(0)).toBe(false);
    marks.clear();
    expect(marks.covers(code)).toBe(false);
  });
});

describe('what the TLB lost to another page', () => {
  /** Both have the same place. */
  const [page, other] = [0x5000, 0x5000 + REACH];
  const lost = (isWritable: boolean, size = 4096): ReturnType<typeof fixture> => {
    const made = fixture();
    made.tlb.fill(SET_USER, page, 0x3000, isWritable, false, size);
    made.tlb.fill(SET_USER, other, 0x4000, true, false, 4096);
    return made;
  };

  it('is known again, in its set, as often as the two take turns', () => {
    const { tlb, holds } = lost(true);
    expect(tlb.recall(SET_SUPERVISOR, page, false)).toBe(-1);
    expect(tlb.recall(SET_USER, page + 0x1000, false)).toBe(-1);
    for (let turn = 0; turn < 20; turn++) {
      expect(tlb.recall(SET_USER, page, true)).toBe(0x3000);
      expect(holds(SET_USER, page)).toBe(true);
      expect(tlb.recall(SET_USER, other, false)).toBe(0x4000);
      expect(holds(SET_USER, page)).toBe(false);
    }
  });
  it('may be written only if it could be', () => {
    const { tlb } = lost(false);
    expect(tlb.recall(SET_USER, page, false)).toBe(0x3000);
    tlb.fill(SET_USER, other, 0x4000, true, false, 4096);
    expect(tlb.recall(SET_USER, page, true)).toBe(-1);
  });
  it('does not come back behind what the page tables have said since', () => {
    const { tlb } = lost(false);
    // A write faults; the page has another frame then, and nobody invalidates what the fault has.
    expect(tlb.recall(SET_USER, page, true)).toBe(-1);
    tlb.fill(SET_USER, page, 0x6000, true, false, 4096);
    expect(tlb.recall(SET_USER, other, false)).toBe(0x4000);
    expect(tlb.recall(SET_USER, page, false)).toBe(0x6000);
    expect(tlb.recall(SET_USER, other, false)).toBe(0x4000);
    expect(tlb.recall(SET_USER, page, true)).toBe(0x6000);
  });
  it.each<[string, (tlb: Tlb) => void]>([
    ['a flush', (tlb) => tlb.flush(false)],
    ['a flush that keeps global pages', (tlb) => tlb.flush(true)],
    ['a flush of its set', (tlb) => tlb.flushSet(SET_USER)],
    ['an invalidation of its page', (tlb) => tlb.flushPage(page)],
    ['a new owner of its frame', (tlb) => tlb.forgetFrame(0x3000)],
    ['code in its frame', (tlb) => tlb.protectFrame(0x3000)],
  ])('is gone after %s', (_name, invalidate) => {
    const { tlb } = lost(true);
    invalidate(tlb);
    expect(tlb.recall(SET_USER, page, true)).toBe(-1);
  });
  it('keeps what it was: a large page goes with every part of it', () => {
    const { tlb, holds } = lost(true, 0x200000);
    expect(tlb.recall(SET_USER, page, false)).toBe(0x3000);
    tlb.flushPage(0x100000);
    expect(holds(SET_USER, page)).toBe(false);
  });
  it('is among the last eight', () => {
    const { tlb } = lost(true);
    for (let i = 0; i < 8; i++) {
      tlb.fill(SET_USER, 0x100000 + i * 4096, 0x5000, true, false, 4096);
      tlb.fill(SET_USER, 0x100000 + REACH + i * 4096, 0x6000, true, false, 4096);
    }
    expect(tlb.recall(SET_USER, page, false)).toBe(-1);
  });
});
