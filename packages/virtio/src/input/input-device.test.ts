import { describe, expect, it } from 'vitest';
import { deviceContract } from '../device/device.contract.js';
import { MockDriver } from '../testing/mock-driver.js';
import type { InputEvent } from './input-device.js';
import { keyCodes } from './key-codes.js';
import { Keyboard } from './keyboard.js';

deviceContract('a keyboard', () => new Keyboard());

/** A keyboard whose driver has `buffers` buffers for events. */
function started(buffers: number) {
  const events: InputEvent[] = [];
  const keyboard = new Keyboard({ onEvent: (event) => events.push(event) });
  const driver = new MockDriver(keyboard).start();
  const ranges = new Map<number, { at: number; byteLength: number }>();
  const offer = (count: number) => {
    for (let i = 0; i < count; i++) {
      const range = driver.range(8);
      ranges.set(driver.add(0, [], [range]), range);
    }
  };
  offer(buffers);
  /** Events that have come: type, code, value. */
  const come = (): number[][] => {
    const all: number[][] = [];
    for (let used = driver.queues[0].take(); used; used = driver.queues[0].take()) {
      const view = new DataView(
        driver.bytes(ranges.get(used.id) ?? { at: 0, byteLength: 8 }).buffer,
      );
      all.push([view.getUint16(0, true), view.getUint16(2, true), view.getUint32(4, true)]);
    }
    return all;
  };
  /** Asks by configuration space. */
  const ask = (select: number, subsel: number): Uint8Array => {
    const { registers } = driver;
    registers.writeConfig(0, 1, select);
    registers.writeConfig(1, 1, subsel);
    const size = registers.readConfig(2, 1);
    return Uint8Array.from({ length: size }, (_, i) => registers.readConfig(8 + i, 1));
  };
  return { keyboard, driver, events, offer, come, ask };
}

describe('a keyboard', () => {
  it('says what it is, and which keys it has', () => {
    const { ask } = started(0);
    expect(new TextDecoder().decode(ask(1, 0))).toBe('Proxeny keyboard');
    expect([...ask(3, 0)]).toEqual([6, 0, 0xf4, 0x1a, 1, 0, 1, 0]);
    const keys = ask(0x11, 1);
    const has = (code: number) => ((keys[code >>> 3] >>> (code & 7)) & 1) === 1;
    expect(['a', 'enter', 'f12', 'menu'].every((name) => has(keyCodes.get(name) ?? 0))).toBe(true);
    expect(has(0)).toBe(false);
    expect([...ask(0x11, 17)]).toEqual([7]);
    expect([...ask(0x11, 20)]).toEqual([3]);
    // No serial number, axes, properties, or codes of other events.
    for (const [select, subsel] of [
      [0, 0],
      [1, 1],
      [2, 0],
      [0x10, 0],
      [0x11, 2],
      [0x12, 0],
      [0xff, 0xff],
    ])
      expect(ask(select, subsel)).toHaveLength(0);
  });

  it('keys have the numbers that Linux gives them', () => {
    const numbers = { esc: 1, '=': 13, q: 16, enter: 28, a: 30, z: 44, space: 57, f1: 59 };
    const more = { 'kp.': 83, f12: 88, up: 103, delete: 111, pause: 119, leftmeta: 125, menu: 127 };
    for (const [name, code] of Object.entries({ ...numbers, ...more }))
      expect([name, keyCodes.get(name)]).toEqual([name, code]);
    expect(new Set(keyCodes.values()).size).toBe(keyCodes.size);
  });

  it('keys pressed together come in reports of their own', () => {
    const { keyboard, come } = started(20);
    expect(keyboard.press('leftctrl', 'c')).toBe(true);
    expect(come()).toEqual([
      ...[
        [1, 29, 1],
        [0, 0, 0],
      ],
      ...[
        [1, 46, 1],
        [0, 0, 0],
      ],
      ...[
        [1, 46, 0],
        [0, 0, 0],
      ],
      ...[
        [1, 29, 0],
        [0, 0, 0],
      ],
    ]);
    expect(() => keyboard.press('any')).toThrow(RangeError);
  });

  it('events wait for buffers, as many as there is room for', () => {
    const { keyboard, come, offer } = started(1);
    let pressed = 0;
    while (keyboard.press('a')) pressed++;
    expect(pressed).toBe(64);
    expect(come()).toEqual([[1, 30, 1]]);
    offer(3);
    expect(come()).toEqual([
      [0, 0, 0],
      [1, 30, 0],
      [0, 0, 0],
    ]);
    expect(keyboard.press('b')).toBe(true);
  });

  it('the driver lights lamps; events too short are none', () => {
    const { driver, events } = started(0);
    driver.add(1, [driver.range(Uint8Array.of(17, 0, 1, 0, 1, 0, 0, 0))]);
    driver.add(1, [driver.range(Uint8Array.of(17, 0, 1))]);
    expect(events).toEqual([{ type: 17, code: 1, value: 1 }]);
  });

  it('what is selected survives in a saved state', () => {
    const { keyboard, ask } = started(0);
    const name = ask(1, 0);
    const other = started(0);
    other.keyboard.restore(structuredClone(keyboard.save()));
    expect(other.driver.registers.readConfig(2, 1)).toBe(name.byteLength);
    expect(() => other.keyboard.restore({ version: 1, select: 256, subsel: 0 })).toThrow(
      RangeError,
    );
  });
});
