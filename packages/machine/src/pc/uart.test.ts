import { beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../clock.js';
import { TimerQueue } from '../timer-queue.js';
import { Uart } from './uart.js';

let clock: ManualClock;
let timers: TimerQueue;
let sent: number[];
let line: boolean;
let rises: number;
let spaceCalls: number;
let uart: Uart;

const build = (): Uart =>
  new Uart({
    name: 'com1',
    timers,
    irq: (level) => {
      if (level && !line) rises++;
      line = level;
    },
    transmit: (byte) => sent.push(byte),
    onReceiveSpace: () => spaceCalls++,
  });
const inb = (offset: number): number => uart.readPort(offset, 1);
const out = (offset: number, value: number): void => uart.writePort(offset, 1, value);
const type = (text: string): number => uart.receive(new TextEncoder().encode(text));

beforeEach(() => {
  clock = new ManualClock();
  timers = new TimerQueue(clock);
  sent = [];
  line = false;
  rises = 0;
  spaceCalls = 0;
  uart = build();
});

describe('probing', () => {
  test('the autoconfig of Linux 8250 finds a 16550A', () => {
    out(1, 0);
    expect(inb(1)).toBe(0);
    out(1, 0x0f);
    expect(inb(1)).toBe(0x0f);
    out(1, 0xff);
    expect(inb(1)).toBe(0x0f);
    out(1, 0);
    out(4, 0x1a); // loop, OUT2, RTS
    expect(inb(6) & 0xf0).toBe(0x90);
    out(4, 0);
    out(3, 0xbf);
    out(2, 0);
    out(3, 0);
    out(2, 1);
    expect(inb(2) >> 6).toBe(3);
    out(3, 0xbf); // a 16650 would show its EFR here
    expect(inb(2)).not.toBe(0);
    out(3, 0);
    out(2, 0x21); // a 16750 would show its 64-byte FIFO here
    expect(inb(2) >> 5).toBe(6);
    out(7, 0xa5);
    expect(inb(7)).toBe(0xa5);
  });

  test('the divisor is behind DLAB and does not touch IER', () => {
    out(1, 5);
    out(3, 0x83);
    out(0, 1);
    out(1, 0);
    expect([inb(0), inb(1)]).toEqual([1, 0]);
    expect(uart.baudRate).toBe(115200);
    out(3, 0x03);
    expect(inb(1)).toBe(5);
    expect(sent).toEqual([]);
  });
});

describe('transmission', () => {
  test('a byte is sent at once and LSR says empty', () => {
    out(0, 0x41);
    expect(sent).toEqual([0x41]);
    expect(inb(5)).toBe(0x60);
  });

  test('enabling the transmit interrupt raises it, each time; reading IIR takes it back', () => {
    out(4, 0x0b);
    for (let i = 0; i < 2; i++) {
      out(1, 0x02);
      expect(line).toBe(true);
      expect(inb(2)).toBe(0x02);
      expect(inb(2)).toBe(0x01);
      expect(line).toBe(false);
      out(1, 0);
    }
  });

  test('each byte sent gives a new edge; disabling the interrupt drops it', () => {
    out(4, 0x08);
    out(1, 0x02);
    for (let i = 0; i < 16; i++) out(0, i);
    expect(rises).toBe(17);
    out(1, 0);
    expect(line).toBe(false);
    expect(inb(2)).toBe(0x01);
  });

  test('without OUT2 no interrupt leaves the port', () => {
    out(1, 0x02);
    expect(inb(2)).toBe(0x02);
    expect(rises).toBe(0);
  });
});

describe('reception', () => {
  test('without FIFO one byte fits, and more when it is read', () => {
    out(4, 0x08);
    out(1, 0x01);
    expect(type('ab')).toBe(1);
    expect(uart.receiveSpace).toBe(0);
    expect(line).toBe(true);
    expect([inb(2), inb(5) & 1, inb(0)]).toEqual([0x04, 1, 0x61]);
    expect(line).toBe(false);
    expect(spaceCalls).toBe(1);
    expect([inb(5) & 1, inb(0)]).toEqual([0, 0]);
  });

  test('the FIFO takes sixteen bytes and interrupts at its trigger level', () => {
    out(4, 0x08);
    out(2, 0x81);
    out(1, 0x01);
    expect(type('1234567')).toBe(7);
    expect(line).toBe(false);
    expect(type('890123456789')).toBe(9);
    expect(inb(2)).toBe(0xc4);
    for (let i = 0; i < 9; i++) inb(0);
    expect(inb(2)).toBe(0xc1);
    expect(line).toBe(false);
    expect(spaceCalls).toBeGreaterThan(0);
  });

  test('bytes below the trigger level interrupt after four characters of silence', () => {
    out(3, 0x83);
    out(0, 1);
    out(3, 0x03);
    out(4, 0x08);
    out(2, 0xc1);
    out(1, 0x01);
    type('x');
    const due = timers.nextDeadlineNs();
    expect(due).toBeCloseTo((40 / 115200) * 1e9, 0);
    clock.advanceTo(due - 1);
    type('y');
    timers.runDue();
    expect(line).toBe(false);
    clock.advanceTo(timers.nextDeadlineNs());
    timers.runDue();
    expect(inb(2)).toBe(0xcc);
    expect(inb(0)).toBe(0x78);
    expect(line).toBe(false);
    clock.advanceTo(timers.nextDeadlineNs());
    timers.runDue();
    expect(inb(2)).toBe(0xcc);
    inb(0);
    expect(timers.nextDeadlineNs()).toBe(Infinity);
  });

  test('clearing the receive FIFO and toggling it drops what it holds', () => {
    out(2, 0x01);
    type('abc');
    out(2, 0x03);
    expect(inb(5) & 1).toBe(0);
    type('abc');
    out(2, 0);
    expect(inb(5) & 1).toBe(0);
  });

  test('a break comes as a zero with BI and a line status interrupt before all others', () => {
    out(4, 0x08);
    out(2, 0x01);
    out(1, 0x0f);
    type('a');
    uart.receiveBreak();
    expect(inb(2)).toBe(0xc4);
    expect(inb(0)).toBe(0x61);
    expect(inb(2)).toBe(0xc6);
    expect(inb(5)).toBe(0x60 | 0x01 | 0x10 | 0x80);
    expect(inb(2)).toBe(0xc4);
    expect(inb(0)).toBe(0);
    expect(inb(5)).toBe(0x60);
  });
});

describe('modem lines and loopback', () => {
  test('changes show once in MSR and interrupt last', () => {
    out(4, 0x08);
    out(1, 0x0a);
    expect(inb(6)).toBe(0xb0);
    uart.setModemLines({ carrierDetect: false, ringIndicator: true });
    expect(inb(2)).toBe(0x02);
    expect(inb(2)).toBe(0x00);
    expect(inb(6)).toBe(0x78);
    uart.setModemLines({ ringIndicator: false });
    expect(inb(6)).toBe(0x34);
    expect(inb(6)).toBe(0x30);
    expect(line).toBe(false);
  });

  test('loopback keeps bytes inside, shuts the host out and shows overrun', () => {
    out(4, 0x10);
    expect(type('a')).toBe(0);
    out(0, 0x55);
    out(0, 0xaa);
    expect(sent).toEqual([]);
    expect(inb(5)).toBe(0x63);
    expect(inb(0)).toBe(0xaa);
    out(4, 0x0b);
    expect(uart.receiveSpace).toBe(1);
    expect(spaceCalls).toBeGreaterThan(0);
    expect([uart.dataTerminalReady, uart.requestToSend]).toEqual([true, true]);
  });
});

describe('saved state', () => {
  test('a restored port has the same registers, input and timeout', () => {
    out(4, 0x08);
    out(2, 0xc1);
    out(1, 0x05);
    type('hello');
    const saved = structuredClone(uart.save());
    uart = build();
    uart.restore(saved);
    expect(uart.save()).toEqual(saved);
    clock.advance(20e6);
    timers.runDue();
    expect(line).toBe(true);
    expect([0, 0, 0, 0, 0].map(inb)).toEqual([0x68, 0x65, 0x6c, 0x6c, 0x6f]);
  });

  test('a damaged state is refused and changes nothing', () => {
    const saved = uart.save();
    expect(() => uart.restore({ ...saved, received: [1, 2] })).toThrow(/com1: .*received/);
    expect(() => uart.restore({ ...saved, fcr: 2 })).toThrow(/fcr must be a FIFO mode/);
    expect(uart.save()).toEqual(saved);
  });
});
