import type { Gpa } from '@proxeny/memory';
import { describe, expect, it } from 'vitest';
import { deviceContract } from '../device/device.contract.js';
import { channelRegisters } from '../testing/driver-registers.js';
import { LentMemory } from '../testing/lent-memory.js';
import { MockDriver } from '../testing/mock-driver.js';
import { GpuDevice } from './gpu-device.js';

const OK = 0x1100;
const UNSPEC = 0x1200;
const OUT_OF_MEMORY = 0x1201;
const NO_SCANOUT = 0x1202;
const NO_RESOURCE = 0x1203;
const WRONG_PARAMETER = 0x1205;

const CREATE = 0x101;
const UNREF = 0x102;
const SET_SCANOUT = 0x103;
const FLUSH = 0x104;
const TRANSFER = 0x105;
const ATTACH = 0x106;
const DETACH = 0x107;

const BGRX = 2;
const RGBA = 67;
/** Where the guest has its pixels. */
const PIXELS_AT = 0x10_0000;

deviceContract('a graphics device', () => new GpuDevice({ width: 640, height: 480 }));

/** The little-endian words of a request, after a header without a fence. */
function request(type: number, ...words: readonly number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from([type, 0, 0, 0, 0, 0, ...words]).buffer);
}

/** A device, and a way to ask it: the answer's words. */
function started(maxResourceBytes?: number) {
  const options = maxResourceBytes === undefined ? {} : { maxResourceBytes };
  const device = new GpuDevice({ width: 640, height: 480, ...options });
  const memory = new LentMemory(0x20_0000);
  const driver = new MockDriver(device, channelRegisters, memory).start();
  const answerOf = (bytes: Uint8Array, queue = 0): Uint32Array => {
    const answer = driver.range(408);
    driver.add(queue, [driver.range(bytes)], [answer]);
    const used = driver.queues[queue].take();
    return new Uint32Array(driver.bytes({ at: answer.at, byteLength: used?.written ?? 0 }).buffer);
  };
  const ask = (type: number, ...words: readonly number[]): number =>
    answerOf(request(type, ...words))[0];
  return { device, driver, memory, answerOf, ask };
}

/** A picture of 8 × 4 pixels in two pieces of the guest's memory, of which the first has 10 pixels, on the display. */
function shown(format: number) {
  const running = started();
  const { ask, memory } = running;
  expect(ask(CREATE, 1, format, 8, 4)).toBe(OK);
  const second = PIXELS_AT + 0x1000;
  expect(ask(ATTACH, 1, 2, PIXELS_AT, 0, 40, 0, second, 0, 88, 0)).toBe(OK);
  expect(ask(SET_SCANOUT, 0, 0, 8, 4, 0, 1)).toBe(OK);
  const draw = (x: number, y: number, bytes: readonly number[]) => {
    const at = 4 * (8 * y + x);
    memory.copyTo((at < 40 ? PIXELS_AT + at : second + at - 40) as Gpa, Uint8Array.from(bytes));
  };
  const pixel = (x: number, y: number) => {
    const at = 3 * (8 * y + x);
    return [...(running.device.picture()?.pixels.subarray(at, at + 3) ?? [])];
  };
  return { ...running, draw, pixel };
}

describe('a graphics device', () => {
  it('tells of its display', () => {
    const { driver, answerOf } = started();
    expect(driver.registers.readConfig(8, 4)).toBe(1);
    const answer = answerOf(request(0x100));
    expect(answer).toHaveLength(102);
    expect([...answer.subarray(0, 12)]).toEqual([0x1101, 0, 0, 0, 0, 0, 0, 0, 640, 480, 1, 0]);
    expect(answer.subarray(12).every((word) => word === 0)).toBe(true);
  });

  it('tells when its display has another size, until the driver has seen that', () => {
    const { device, driver, answerOf } = started();
    const { registers } = driver;
    registers.takeInterrupts();
    device.resize(800, 600);
    expect(registers.takeInterrupts().config).toBe(true);
    expect(registers.readConfig(0, 4)).toBe(1);
    expect([...answerOf(request(0x100)).subarray(8, 10)]).toEqual([800, 600]);
    registers.writeConfig(0, 4, 0);
    expect(registers.readConfig(0, 4)).toBe(1);
    const other = new GpuDevice({ width: 1, height: 1 });
    other.restore(structuredClone(device.save()));
    expect(other.save()).toEqual(device.save());
    registers.writeConfig(4, 4, 1);
    expect(registers.readConfig(0, 4)).toBe(0);
  });

  it.each([
    ['B8G8R8A8', 1, [3, 2, 1, 0]],
    ['B8G8R8X8', BGRX, [3, 2, 1, 0]],
    ['A8R8G8B8', 3, [0, 1, 2, 3]],
    ['X8R8G8B8', 4, [0, 1, 2, 3]],
    ['R8G8B8A8', RGBA, [1, 2, 3, 0]],
    ['X8B8G8R8', 68, [0, 3, 2, 1]],
    ['A8B8G8R8', 121, [0, 3, 2, 1]],
    ['R8G8B8X8', 134, [1, 2, 3, 0]],
  ])('shows what was drawn in pixels of %s', (_, format, bytes) => {
    const { ask, draw, pixel } = shown(format);
    draw(7, 1, bytes);
    expect(ask(TRANSFER, 0, 0, 8, 4, 0, 0, 1)).toBe(OK);
    expect(ask(FLUSH, 0, 0, 8, 4, 1)).toBe(OK);
    expect(pixel(7, 1)).toEqual([1, 2, 3]);
    expect(pixel(6, 1)).toEqual([0, 0, 0]);
  });

  it('takes rectangles, and shows them when they are flushed', () => {
    const { device, ask, draw, pixel } = shown(RGBA);
    for (const [x, y] of [
      [0, 0],
      [1, 1],
      [2, 1],
      [1, 2],
      [3, 3],
    ])
      draw(x, y, [10 * x, 10 * y, 9, 0]);
    expect(ask(TRANSFER, 1, 1, 2, 2, 4 * 9, 0, 1)).toBe(OK);
    expect(pixel(1, 1)).toEqual([0, 0, 0]);
    expect(ask(FLUSH, 1, 1, 1, 3, 1)).toBe(OK);
    expect([pixel(0, 0), pixel(1, 1), pixel(1, 2)]).toEqual([
      [0, 0, 0],
      [10, 10, 9],
      [10, 20, 9],
    ]);
    expect([pixel(2, 1), pixel(3, 3)]).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
    // Part of the resource on the display.
    expect(ask(SET_SCANOUT, 1, 1, 2, 3, 0, 1)).toBe(OK);
    expect(ask(FLUSH, 0, 0, 8, 4, 1)).toBe(OK);
    const picture = device.picture();
    expect([picture?.width, picture?.height]).toEqual([2, 3]);
    expect([...(picture?.pixels.subarray(0, 6) ?? [])]).toEqual([10, 10, 9, 20, 10, 9]);
    expect(ask(SET_SCANOUT, 0, 0, 0, 0, 0, 0)).toBe(OK);
    expect(device.picture()).toBeNull();
  });

  it('answers fences', () => {
    const { answerOf } = started();
    const bytes = request(CREATE, 1, RGBA, 1, 1);
    bytes.set([1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, 0], 4);
    expect([...answerOf(bytes)]).toEqual([OK, 1, 0x04030201, 0x08070605, 9, 0]);
  });

  it('takes what its cursor should do', () => {
    const { answerOf } = started();
    for (const type of [0x300, 0x301]) expect(answerOf(request(type), 1)[0]).toBe(OK);
    expect(answerOf(request(FLUSH), 1)[0]).toBe(UNSPEC);
  });

  it.each<[string, number, number[], number]>([
    ['a command that there is not', 0x999, [], UNSPEC],
    ['an EDID, which is not offered', 0x10a, [0], UNSPEC],
    ['a resource of no number', CREATE, [0, RGBA, 1, 1], NO_RESOURCE],
    ['a resource that is there', CREATE, [1, RGBA, 1, 1], NO_RESOURCE],
    ['pixels of no format', CREATE, [2, 5, 1, 1], WRONG_PARAMETER],
    ['a resource without width', CREATE, [2, RGBA, 0, 1], WRONG_PARAMETER],
    ['a resource too large', CREATE, [2, RGBA, 8192, 8192], OUT_OF_MEMORY],
    ['a resource of 2^66 bytes', CREATE, [2, RGBA, 0xffff_ffff, 0xffff_ffff], OUT_OF_MEMORY],
    ['to remove a resource that is not there', UNREF, [2], NO_RESOURCE],
    ['another display', SET_SCANOUT, [0, 0, 8, 4, 1, 1], NO_SCANOUT],
    ['to show what is not there', SET_SCANOUT, [0, 0, 8, 4, 0, 2], NO_RESOURCE],
    ['to show more than there is', SET_SCANOUT, [1, 0, 8, 4, 0, 1], WRONG_PARAMETER],
    ['to show nothing of it', SET_SCANOUT, [0, 0, 8, 0, 0, 1], WRONG_PARAMETER],
    ['to flush what is not there', FLUSH, [0, 0, 8, 4, 2], NO_RESOURCE],
    ['to flush more than there is', FLUSH, [0, 1, 8, 4, 1], WRONG_PARAMETER],
    ['a copy of what is not there', TRANSFER, [0, 0, 1, 1, 0, 0, 2], NO_RESOURCE],
    ['a copy of more than there is', TRANSFER, [0, 0, 9, 1, 0, 0, 1], WRONG_PARAMETER],
    ['a copy from beyond its memory', TRANSFER, [0, 0, 8, 4, 4, 0, 1], WRONG_PARAMETER],
    ['a copy from far beyond', TRANSFER, [0, 0, 1, 1, 0, 0xffff_ffff, 1], WRONG_PARAMETER],
    ['memory for what is not there', ATTACH, [2, 1, PIXELS_AT, 0, 4, 0], NO_RESOURCE],
    ['memory once more', ATTACH, [1, 1, PIXELS_AT, 0, 4, 0], UNSPEC],
    ['to take memory from what is not there', DETACH, [2], NO_RESOURCE],
  ])('refuses %s', (_, type, words, status) => {
    const { ask } = shown(RGBA);
    expect(ask(type, ...words)).toBe(status);
  });

  it('refuses memory that has no list, or one too long, or is no RAM', () => {
    const { ask } = started();
    ask(CREATE, 1, RGBA, 8, 4);
    expect(ask(ATTACH, 1, 0)).toBe(UNSPEC);
    expect(ask(ATTACH, 1, 2, PIXELS_AT, 0, 4, 0)).toBe(UNSPEC);
    expect(ask(ATTACH, 1, 0xffff_ffff, PIXELS_AT, 0, 4, 0)).toBe(OUT_OF_MEMORY);
    expect(ask(ATTACH, 1, 1, 0xffff_0000, 0x7fff_ffff, 128, 0)).toBe(OK);
    expect(ask(TRANSFER, 0, 0, 8, 4, 0, 0, 1)).toBe(WRONG_PARAMETER);
    expect(ask(DETACH, 1)).toBe(OK);
    expect(ask(ATTACH, 1, 1, PIXELS_AT, 0, 128, 0)).toBe(OK);
    expect(ask(TRANSFER, 0, 0, 8, 4, 0, 0, 1)).toBe(OK);
  });

  it('keeps pictures within its memory, and has it back', () => {
    const { ask } = started(1000);
    expect(ask(CREATE, 1, RGBA, 10, 10)).toBe(OK);
    expect(ask(CREATE, 2, RGBA, 20, 10)).toBe(OUT_OF_MEMORY);
    expect(ask(CREATE, 2, RGBA, 15, 10)).toBe(OK);
    expect(ask(CREATE, 3, RGBA, 1, 1)).toBe(OUT_OF_MEMORY);
    expect(ask(UNREF, 1)).toBe(OK);
    expect(ask(CREATE, 3, RGBA, 10, 10)).toBe(OK);
  });

  it('does much at once in several goes, between which the guest runs', async () => {
    let completions = 0;
    const onCompletion = () => completions++;
    const device = new GpuDevice({ width: 640, height: 480, onCompletion });
    const driver = new MockDriver(device, channelRegisters, new LentMemory(0x20_0000)).start();
    const [queue] = driver.queues;
    const add = (bytes: Uint8Array) => driver.add(0, [driver.range(bytes)], [driver.range(24)]);
    // The picture is all that fits one go; showing it waits, and so does what comes then.
    const first = [
      request(CREATE, 1, RGBA, 2049, 2048),
      request(SET_SCANOUT, 0, 0, 2049, 2048, 0, 1),
    ].map(add);
    const last = add(request(FLUSH, 0, 0, 2049, 2048, 1));
    expect(queue.take()?.id).toBe(first[0]);
    expect(queue.take()).toBeNull();
    await Promise.resolve();
    expect(queue.take()?.id).toBe(first[1]);
    expect(queue.take()).toBeNull();
    await Promise.resolve();
    expect(queue.take()?.id).toBe(last);
    await Promise.resolve();
    expect(completions).toBe(3);
    // A reset does not wait for it.
    add(request(FLUSH, 0, 0, 2049, 2048, 1));
    driver.start();
    await Promise.resolve();
    expect([completions, driver.queues[0].take(), driver.status]).toEqual([3, null, 15]);
  });

  it('shows nothing of what was there before in a display that is smaller', () => {
    const { device, ask, draw, pixel } = shown(RGBA);
    draw(1, 0, [9, 9, 9, 0]);
    ask(TRANSFER, 0, 0, 8, 4, 0, 0, 1);
    ask(FLUSH, 0, 0, 8, 4, 1);
    expect(pixel(1, 0)).toEqual([9, 9, 9]);
    expect(ask(SET_SCANOUT, 0, 0, 4, 2, 0, 1)).toBe(OK);
    expect(device.picture()?.pixels.every((byte) => byte === 0)).toBe(true);
    expect(device.picture()?.pixels).toHaveLength(24);
  });

  it('shows nothing of a resource that is gone', () => {
    const { device, ask } = shown(RGBA);
    expect(ask(UNREF, 1)).toBe(OK);
    expect(device.picture()).toBeNull();
  });

  it('holds nothing of the memory it copied from', () => {
    const { memory, ask } = shown(RGBA);
    const held = new Map(memory.held);
    expect(ask(TRANSFER, 0, 0, 8, 4, 0, 0, 1)).toBe(OK);
    expect(memory.held).toEqual(held);
  });

  it('goes on from a saved state, with resources and display', () => {
    const { driver, ask, draw, device } = shown(BGRX);
    draw(2, 2, [1, 2, 3, 0]);
    ask(TRANSFER, 0, 0, 8, 4, 0, 0, 1);
    ask(FLUSH, 0, 0, 8, 4, 1);
    const state = structuredClone(driver.registers.save()) as { control: { device: object } };
    const other = started();
    other.memory.bytes.set(driver.memory.bytes);
    other.driver.registers.restore(state);
    expect(other.device.picture()).toEqual(device.picture());
    expect(other.device.save()).toEqual(device.save());
    const saved = device.save();
    const [resource] = saved.resources;
    for (const damage of [
      { resources: [resource, resource] },
      { resources: [{ ...resource, width: 9 }] },
      { resources: [{ ...resource, width: 2 ** 31 }] },
      { resources: [{ ...resource, format: 0 }] },
      { resources: [{ ...resource, backing: [1] }] },
      { scanout: { ...saved.scanout, pixels: null } },
      { scanout: { ...saved.scanout, height: 2 ** 31 } },
      { scanout: 7 },
    ])
      expect(() => other.device.restore({ ...saved, ...damage })).toThrow(RangeError);
    expect(other.device.save()).toEqual(saved);
  });
});
