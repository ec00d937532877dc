import { beforeEach, describe, expect, test } from 'vitest';
import { PortBus } from '../bus.js';
import { ManualClock } from '../clock.js';
import { TimerQueue } from '../timer-queue.js';
import { ACPI_PM_PORT_COUNT, AcpiPm } from './acpi-pm.js';
import { ApmControl } from './apm-control.js';

const BASE = 0x600;
let clock: ManualClock;
let timers: TimerQueue;
let bus: PortBus;
let pm: AcpiPm;
let sci: boolean;
let offs: number;

function make(timerBits: 24 | 32): void {
  clock = new ManualClock();
  timers = new TimerQueue(clock);
  sci = false;
  offs = 0;
  pm = new AcpiPm({
    timers,
    timerBits,
    sci: (level) => {
      sci = level;
    },
    powerOff: () => {
      offs++;
    },
  });
  bus = new PortBus();
  bus.claim({ name: 'pm', first: BASE, count: ACPI_PM_PORT_COUNT, width: 4, device: pm });
  const apm = new ApmControl((enabled) => pm.setAcpiEnabled(enabled));
  bus.claim({ name: 'apm', first: 0xb2, count: 2, width: 1, device: apm });
}

beforeEach(() => make(24));

test('SMI_CMD turns ACPI mode on and off, as acpi_enable of Linux polls it', () => {
  expect(bus.read(BASE + 4, 2) & 1).toBe(0);
  bus.write(0xb2, 1, 0xf1);
  expect(bus.read(BASE + 4, 2) & 1).toBe(1);
  bus.write(0xb2, 1, 0xf0);
  expect(bus.read(BASE + 4, 2) & 1).toBe(0);
  bus.write(0xb3, 1, 0x5a);
  expect(bus.read(0xb3, 1)).toBe(0x5a);
});

describe('PM timer', () => {
  test('runs at 3.579545 MHz and wraps at 24 bits', () => {
    clock.advance(1e9);
    expect(bus.read(BASE + 8, 4)).toBe(3579545);
    clock.advance(86400e9);
    expect(bus.read(BASE + 8, 4)).toBe((86401 * 3579545) % 2 ** 24);
  });

  test('can be 32 bits wide, and its bytes agree with the dword', () => {
    make(32);
    clock.advance(1000e9);
    expect(bus.read(BASE + 8, 4)).toBe(3579545000);
    expect(bus.read(BASE + 10, 2)).toBe(3579545000 >>> 16);
    expect(bus.read(BASE + 11, 1)).toBe(3579545000 >>> 24);
  });

  test('its carry sets TMR_STS and the SCI at the right time', () => {
    pm.setAcpiEnabled(true);
    bus.write(BASE + 2, 2, 0x0001);
    const dueNs = timers.nextDeadlineNs();
    expect(dueNs).toBe(Math.ceil((2 ** 23 / 3579545) * 1e9));
    clock.advance(dueNs - 1);
    timers.runDue();
    expect(sci).toBe(false);
    expect(pm.timer).toBe(2 ** 23 - 1);
    clock.advance(1);
    timers.runDue();
    expect(sci).toBe(true);
    expect(bus.read(BASE, 2) & 1).toBe(1);
    bus.write(BASE, 2, 1);
    expect(sci).toBe(false);
    expect(timers.nextDeadlineNs()).toBeGreaterThan(dueNs * 1.99);
  });
});

describe('events', () => {
  test('the power button raises the SCI only when enabled and in ACPI mode', () => {
    pm.pressPowerButton();
    expect(bus.read(BASE, 2)).toBe(0x0100);
    bus.write(BASE + 2, 2, 0x0100);
    expect(sci).toBe(false);
    pm.setAcpiEnabled(true);
    expect(sci).toBe(true);
    bus.write(BASE, 2, 0x0100);
    expect(sci).toBe(false);
    expect(bus.read(BASE, 4)).toBe(0x01000000);
  });

  test('a byte write touches only its byte of status and enable', () => {
    bus.write(BASE + 2, 2, 0x0721);
    bus.write(BASE + 3, 1, 0);
    expect(bus.read(BASE + 2, 2)).toBe(0x0021);
    pm.pressPowerButton();
    bus.write(BASE, 1, 0xff);
    expect(bus.read(BASE, 2)).toBe(0x0100);
  });

  test('a general-purpose event works the same way', () => {
    pm.setAcpiEnabled(true);
    pm.raiseEvent(3);
    bus.write(BASE + 0xe, 2, 8);
    expect(sci).toBe(true);
    expect(bus.read(BASE + 0xc, 2)).toBe(8);
    bus.write(BASE + 0xc, 2, 8);
    expect(sci).toBe(false);
  });
});

test('SLP_EN with the type of \\_S5 powers off; other types do not', () => {
  bus.write(BASE + 4, 2, 0x2000 | (1 << 10));
  expect(offs).toBe(0);
  bus.write(BASE + 4, 2, 0x0001);
  bus.write(BASE + 4, 2, 0x2001);
  expect(offs).toBe(1);
  expect(bus.read(BASE + 4, 2)).toBe(1);
});

test('a restored block drives the SCI as the saved one did', () => {
  pm.setAcpiEnabled(true);
  bus.write(BASE + 2, 2, 0x0100);
  pm.pressPowerButton();
  const state = structuredClone(pm.save());
  pm.reset();
  expect(sci).toBe(false);
  pm.restore(state);
  expect(sci).toBe(true);
  expect(pm.save()).toEqual(state);
  expect(() => pm.restore({ ...state, control: -1 })).toThrow(/control/);
});
