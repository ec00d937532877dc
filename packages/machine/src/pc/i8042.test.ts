import { beforeEach, describe, expect, test } from 'vitest';
import { I8042 } from './i8042.js';
import { Port92 } from './port-92.js';

let controller: I8042;
let irq1: number;
let irq12: number;
let lines: Record<number, boolean>;
let a20: boolean[];
let resets: number;

const command = (value: number): void => controller.commandPort.writePort(0, 1, value);
const data = (value: number): void => controller.dataPort.writePort(0, 1, value);
const status = (): number => controller.commandPort.readPort(0, 1);
const read = (): number => controller.dataPort.readPort(0, 1);
function drain(): number[] {
  const bytes: number[] = [];
  while ((status() & 1) !== 0 && bytes.length < 100) bytes.push(read());
  return bytes;
}
function build(): I8042 {
  const edge = (irq: number, count: () => void) => (level: boolean) => {
    if (level && !lines[irq]) count();
    lines[irq] = level;
  };
  return new I8042({
    keyboardIrq: edge(1, () => irq1++),
    mouseIrq: edge(12, () => irq12++),
    setA20: (enabled) => a20.push(enabled),
    reset: () => resets++,
  });
}

beforeEach(() => {
  irq1 = 0;
  irq12 = 0;
  lines = { 1: false, 12: false };
  a20 = [];
  resets = 0;
  controller = build();
});

describe('controller', () => {
  test('self test, line tests and the configuration byte answer as Linux wants them', () => {
    command(0xaa);
    expect(status()).toBe(0x1d);
    expect(read()).toBe(0x55);
    command(0xab);
    expect(read()).toBe(0);
    command(0xa9);
    expect(read()).toBe(0);
    command(0x20);
    expect(read()).toBe(0x65);
    command(0x60);
    data(0x47);
    expect(status()).toBe(0x14);
    command(0x20);
    expect(drain()).toEqual([0x47]);
  });

  test('the probe for a mouse port: loop, no multiplexer, disable and enable', () => {
    command(0xd3);
    data(0x5a);
    expect(status() & 0x21).toBe(0x21);
    expect(read()).toBe(0x5a);
    for (const byte of [0xf0, 0x56, 0xa4]) {
      command(0xd3);
      data(byte);
      expect(read()).toBe(byte);
    }
    command(0xa7);
    command(0x20);
    expect(read() & 0x20).toBe(0x20);
    command(0xa8);
    command(0x20);
    expect(read() & 0x20).toBe(0);
  });

  test('the mouse loop interrupts by IRQ12 when that is enabled', () => {
    command(0x60);
    data(0x47);
    command(0xd3);
    data(0xa5);
    expect([irq1, irq12]).toEqual([0, 1]);
    read();
    expect(lines[12]).toBe(false);
  });

  test('reset by pulse and by output port; A20 by output port', () => {
    command(0xfe);
    expect(resets).toBe(1);
    command(0xff);
    expect(resets).toBe(1);
    command(0xd1);
    data(0xdd);
    command(0xd1);
    data(0xdf);
    command(0xdd);
    command(0xdf);
    expect(a20).toEqual([false, true, false, true]);
    command(0xd0);
    expect(read() & 0x03).toBe(0x03);
    command(0xd1);
    data(0x02);
    expect(resets).toBe(2);
  });

  test('the controller RAM keeps its bytes', () => {
    command(0x7f);
    data(0x99);
    command(0x3f);
    expect(read()).toBe(0x99);
  });
});

describe('keyboard', () => {
  test('keys come translated to set 1 with one interrupt for each byte', () => {
    controller.keyboard.key(0x1c, true); // A
    controller.keyboard.key(0x1c, false);
    controller.keyboard.key(0xe074, true); // right arrow
    controller.keyboard.key(0xe074, false);
    expect(irq1).toBe(1);
    expect(drain()).toEqual([0x1e, 0x9e, 0xe0, 0x4d, 0xe0, 0xcd]);
    expect(irq1).toBe(6);
  });

  test('without translation they come in set 2, and in set 1 when the keyboard is told so', () => {
    command(0x60);
    data(0x05);
    controller.keyboard.key(0x1c, false);
    expect(drain()).toEqual([0xf0, 0x1c]);
    data(0xf0);
    data(0x01);
    expect(drain()).toEqual([0xfa, 0xfa]);
    controller.keyboard.key(0x1c, false);
    expect(drain()).toEqual([0x9e]);
    data(0xf0);
    data(0x00);
    expect(drain()).toEqual([0xfa, 0xfa, 0x01]);
    data(0xf0);
    data(0x03);
    expect(drain()).toEqual([0xfa, 0xfe]);
  });

  test('the probe of atkbd: identify, LEDs, rate, enable, reset', () => {
    data(0xf2);
    expect(drain()).toEqual([0xfa, 0xab, 0x41]);
    data(0xed);
    expect(drain()).toEqual([0xfa]);
    data(0x04);
    expect(drain()).toEqual([0xfa]);
    expect(controller.keyboard.leds).toBe(4);
    for (const byte of [0xf3, 0x00, 0xf4]) {
      data(byte);
      expect(drain()).toEqual([0xfa]);
    }
    data(0xff);
    expect(drain()).toEqual([0xfa, 0xaa]);
    data(0xee);
    expect(drain()).toEqual([0xee]);
    data(0x12);
    expect(drain()).toEqual([0xfe]);
  });

  test('a disabled interface holds keys back, a disabled keyboard drops them', () => {
    command(0xad);
    controller.keyboard.key(0x1c, true);
    expect(drain()).toEqual([]);
    command(0xae);
    expect(drain()).toEqual([0x1e]);
    data(0xf5);
    drain();
    expect(controller.keyboard.key(0x1c, true)).toBe(false);
  });

  test('keys nobody reads are bounded and later keys are lost', () => {
    let taken = 0;
    for (let i = 0; i < 1000; i++) if (controller.keyboard.key(0x1c, true)) taken++;
    expect(taken).toBe(17);
    expect(drain().length).toBe(17);
  });

  test('an answer of the controller comes before keys that wait', () => {
    controller.keyboard.key(0x1c, true);
    controller.keyboard.key(0x1b, true);
    command(0x20);
    expect(drain()).toEqual([0x1e, 0x65, 0x1f]);
  });
});

describe('mouse', () => {
  const mouse = (...bytes: number[]): number[] => {
    const replies: number[] = [];
    for (const byte of bytes) {
      command(0xd4);
      data(byte);
      replies.push(...drain());
    }
    return replies;
  };

  test('the probe of psmouse: reset, identify, status', () => {
    expect(mouse(0xff)).toEqual([0xfa, 0xaa, 0x00]);
    expect(mouse(0xf2)).toEqual([0xfa, 0x00]);
    expect(mouse(0xe8, 3, 0xe7, 0xe9)).toEqual([0xfa, 0xfa, 0xfa, 0xfa, 0x10, 3, 100]);
    expect(mouse(0xe1)).toEqual([0xfe]);
  });

  test('the IntelliMouse knock turns the wheel on', () => {
    mouse(0xff);
    mouse(0xf3, 200, 0xf3, 100, 0xf3, 80);
    expect(mouse(0xf2)).toEqual([0xfa, 3]);
    mouse(0xf4);
    controller.mouse.move(0, 0, 0, -1);
    expect(drain()).toEqual([0x08, 0, 0, 0xff]);
  });

  test('movement adds up while the guest does not read and goes out in packets', () => {
    mouse(0xff, 0xf4);
    command(0x60);
    data(0x47);
    irq12 = 0;
    controller.mouse.move(5, -3, 1);
    for (let i = 0; i < 10; i++) controller.mouse.move(100, 0, 0);
    expect(drain()).toEqual([
      ...[0x29, 5, 0xfd],
      ...[0x08, 255, 0],
      ...[0x08, 255, 0],
      ...[0x08, 255, 0],
      ...[0x08, 235, 0],
    ]);
    expect(irq12).toBe(15);
  });
});

describe('saved state', () => {
  test('a restored controller goes on in the middle of a command', () => {
    controller.keyboard.key(0x1c, false);
    controller.mouse.move(1, 2, 3);
    command(0x60);
    const saved = structuredClone(controller.save());
    controller = build();
    controller.restore(saved);
    expect(controller.save()).toEqual(saved);
    data(0x07);
    expect(drain()).toEqual([0x9e]);
  });

  test('a damaged state is refused and changes nothing', () => {
    const saved = controller.save();
    const bad = { ...saved, ram: new Array(32).fill(1), mouse: { ...saved.mouse, id: 9 } };
    expect(() => controller.restore(bad)).toThrow('ps2 mouse: saved state is damaged: id');
    expect(() => controller.restore({ ...saved, command: 0x10 })).toThrow(/command must be/);
    expect(controller.save()).toEqual(saved);
  });
});

test('port 0x92 switches A20 and resets on a rise of bit 0 only', () => {
  const port = new Port92({ setA20: (enabled) => a20.push(enabled), reset: () => resets++ });
  expect(port.readPort(0, 1)).toBe(0x02);
  port.writePort(0, 1, 0x00);
  port.writePort(0, 1, 0x02);
  port.writePort(0, 1, 0x03);
  port.writePort(0, 1, 0x03);
  expect([a20, resets]).toEqual([[false, true, true, true], 1]);
  const copy = new Port92({ setA20: () => {}, reset: () => {} });
  copy.restore(port.save());
  expect(copy.readPort(0, 1)).toBe(0x03);
});
