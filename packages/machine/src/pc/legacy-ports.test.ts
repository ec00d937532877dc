import { expect, test } from 'vitest';
import { PortBus } from '../bus.js';
import { DebugConsolePort, DebugExitPort } from './debug-ports.js';
import { Dma8237 } from './dma-8237.js';
import { PostPort } from './post-port.js';

function board() {
  const bus = new PortBus();
  const dma = new Dma8237();
  const post = new PostPort();
  const text: number[] = [];
  const codes: number[] = [];
  bus.claim({ name: 'dma', first: 0x00, count: 16, width: 1, device: dma.lowPorts });
  bus.claim({ name: 'dma', first: 0xc0, count: 32, width: 1, device: dma.highPorts });
  bus.claim({ name: 'dma pages', first: 0x81, count: 15, width: 1, device: dma.pagePorts });
  bus.claim({ name: 'post', first: 0x80, count: 1, width: 1, device: post });
  const console = new DebugConsolePort((byte) => text.push(byte));
  bus.claim({ name: 'debug console', first: 0xe9, count: 1, width: 1, device: console });
  const exit = new DebugExitPort((code) => codes.push(code));
  bus.claim({ name: 'debug exit', first: 0x501, count: 4, width: 4, device: exit });
  const inb = (port: number): number => bus.read(port, 1);
  const outb = (port: number, value: number): void => bus.write(port, 1, value);
  return { bus, dma, post, text, codes, inb, outb };
}

test('DMA addresses and counts read back through the flip-flop on both controllers', () => {
  const { inb, outb } = board();
  for (const [word, clear] of [
    [0x04, 0x0c],
    [0xc6, 0xd8],
  ]) {
    outb(clear, 0);
    outb(word, 0x34);
    outb(word, 0x12);
    outb(clear, 0);
    expect([inb(word), inb(word)]).toEqual([0x34, 0x12]);
  }
  outb(0x0c, 0);
  outb(0x04, 0x99);
  outb(0x0c, 0);
  expect([inb(0x04), inb(0x04)]).toEqual([0x99, 0x12]);
  expect(inb(0xc7)).toBe(0xff);
});

test('DMA masks, requests, pages and master clear', () => {
  const { inb, outb } = board();
  expect(inb(0x0f)).toBe(0xff);
  outb(0x0a, 0x02);
  expect(inb(0x0f)).toBe(0xfb);
  outb(0x0e, 0);
  expect(inb(0x0f)).toBe(0xf0);
  outb(0xd2, 0x05);
  expect(inb(0xd0)).toBe(0x20);
  outb(0xda, 0);
  expect([inb(0xd0), inb(0xde)]).toEqual([0, 0xff]);
  outb(0x81, 0xab);
  outb(0x8f, 0xcd);
  expect([inb(0x81), inb(0x8f)]).toEqual([0xab, 0xcd]);
});

test('DMA state survives save and restore; a damaged one changes nothing', () => {
  const { dma, outb } = board();
  outb(0x00, 0x55);
  outb(0x87, 0x11);
  const saved = structuredClone(dma.save());
  const copy = new Dma8237();
  copy.restore(saved);
  expect(copy.save()).toEqual(saved);
  expect(() => copy.restore({ ...saved, pages: [1] })).toThrow(/dma: .*pages/);
  expect(() => copy.restore({ ...saved, chips: [saved.chips[0], { version: 1 }] })).toThrow(
    /dma chip: .*words/,
  );
  expect(copy.save()).toEqual(saved);
});

test('the POST port keeps the last code', () => {
  const { inb, outb, post } = board();
  outb(0x80, 0x42);
  expect([inb(0x80), post.code]).toEqual([0x42, 0x42]);
  const copy = new PostPort();
  copy.restore(post.save());
  expect(copy.code).toBe(0x42);
});

test('the debug console is found by reading 0xE9 and takes bytes', () => {
  const { inb, outb, text } = board();
  expect(inb(0xe9)).toBe(0xe9);
  for (const byte of [0x68, 0x69]) outb(0xe9, byte);
  expect(text).toEqual([0x68, 0x69]);
});

test('debug exit gives the code of QEMU: value times two plus one', () => {
  const { bus, codes } = board();
  bus.write(0x501, 1, 0x10);
  bus.write(0x501, 4, 0);
  bus.write(0x501, 4, 0xffffffff);
  expect(codes).toEqual([0x21, 1, 0xff]);
});
