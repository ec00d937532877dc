import type { Gpa } from '@proxeny/memory';
import { expect, it } from 'vitest';
import { HostileGuest } from '../testing-hostile.contract.js';
import { BackendMachine } from '../testing-machine.contract.js';
import { GrantMemory } from './grant-memory.js';

const PAGE = 4096;

/** A guest that grants its pages 1 to 4 as 11 to 14, page 4 for reading only. */
function granting(maxPages: number) {
  const machine = new BackendMachine();
  const guest = new HostileGuest(machine, 1, 8);
  for (const gfn of [1, 2, 3, 4]) {
    guest.page(gfn).fill(gfn);
    guest.grant(10 + gfn, gfn, gfn === 4);
  }
  const { grants, memory } = machine.host;
  const lent = new GrantMemory(grants, memory, 1, maxPages);
  const view = (ref: number, offset: number, byteLength: number, isReadOnly = false) =>
    lent.view((ref * PAGE + offset) as Gpa, byteLength, isReadOnly);
  const release = (ref: number, isReadOnly = false) =>
    lent.release((ref * PAGE) as Gpa, 1, isReadOnly);
  return { machine, guest, lent, view, release };
}

it("a granted page's bytes are its guest's own, within the page", () => {
  const { machine, guest, view } = granting(8);
  const written: number[] = [];
  machine.host.memory.onWrite = (mfn) => written.push(mfn);
  const bytes = view(11, 4000, 96);
  expect(bytes?.every((byte) => byte === 1)).toBe(true);
  bytes?.fill(0x77);
  expect(guest.page(1)[4095]).toBe(0x77);
  expect(view(11, 4000, 97)).toBeNull();
  expect(view(11, 0, PAGE)).not.toBeNull();
  expect(view(10, 0, 1)).toBeNull();
  expect(view(2 ** 32, 0, 1)).toBeNull();
  expect(view(2 ** 50, 0, 1)).toBeNull();
});

it('a device that writes tells of translated code', () => {
  const { machine, guest, lent, view } = granting(8);
  const written: number[] = [];
  machine.host.memory.onWrite = (mfn) => written.push(mfn);
  view(12, 0, 4);
  lent.written((12 * PAGE + 100) as Gpa);
  expect(written).toEqual([guest.domain.findOwnFrame(2)]);
});

it('a page that is granted for reading is read only', () => {
  const { view } = granting(8);
  expect(view(14, 0, 1)).toBeNull();
  expect(view(14, 0, 1, true)?.[0]).toBe(4);
});

it('a page is mapped as long as there is a view of it', () => {
  const { machine, lent, view, release } = granting(8);
  for (const isReadOnly of [false, false, true]) view(11, 0, 1, isReadOnly);
  expect(lent.pageCount).toBe(2);
  release(11, true);
  release(11);
  expect(machine.host.grants.count).toBe(1);
  release(11);
  expect(machine.host.grants.count).toBe(0);
  release(11);
  expect(machine.host.grants.count).toBe(0);
});

it('more pages than a device may map are no memory', () => {
  const { view, release } = granting(2);
  view(11, 0, 1);
  expect(view(12, 0, 1)).not.toBeNull();
  expect(view(13, 0, 1)).toBeNull();
  expect(view(12, 8, 1)).not.toBeNull();
  release(11);
  expect(view(13, 0, 1)).not.toBeNull();
});
