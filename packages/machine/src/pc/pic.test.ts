import { beforeEach, describe, expect, test } from 'vitest';
import { PortBus } from '../bus.js';
import { Pic } from './pic.js';

let pic: Pic;
let bus: PortBus;
let intr: boolean;

const out = (port: number, value: number): void => bus.write(port, 1, value);
const inb = (port: number): number => bus.read(port, 1);

/** As Linux's init_8259A does, vectors 0x30 and 0x38. */
function initialize(icw4 = 0x01): void {
  for (const [port, base, cascade] of [
    [0x20, 0x30, 4],
    [0xa0, 0x38, 2],
  ]) {
    out(port, 0x11);
    out(port + 1, base);
    out(port + 1, cascade);
    out(port + 1, icw4);
  }
}

beforeEach(() => {
  intr = false;
  pic = new Pic((level) => {
    intr = level;
  });
  bus = new PortBus();
  bus.claim({ name: 'pic', first: 0x20, count: 2, width: 1, device: pic.masterPorts });
  bus.claim({ name: 'pic', first: 0xa0, count: 2, width: 1, device: pic.slavePorts });
  bus.claim({ name: 'elcr', first: 0x4d0, count: 2, width: 1, device: pic.elcrPorts });
  initialize();
});

describe('requests and priorities', () => {
  test('the mask register reads back what the probe of Linux writes', () => {
    out(0x21, 0xfb);
    out(0xa1, 0xff);
    expect([inb(0x21), inb(0xa1)]).toEqual([0xfb, 0xff]);
  });

  test('a higher priority interrupts a lower one in service, not the reverse', () => {
    pic.setIrq(4, true);
    expect(pic.acknowledge()).toBe(0x34);
    pic.setIrq(5, true);
    expect(intr).toBe(false);
    pic.setIrq(1, true);
    expect(intr).toBe(true);
    expect(pic.acknowledge()).toBe(0x31);
    out(0x20, 0x0b);
    expect(inb(0x20)).toBe(0x12);
    out(0x20, 0x20);
    expect(intr).toBe(false);
    out(0x20, 0x20);
    expect(pic.acknowledge()).toBe(0x35);
  });

  test('an edge-triggered pulse stays requested, and a line that stays high asks once', () => {
    pic.setIrq(3, true);
    pic.setIrq(3, false);
    out(0x20, 0x0a);
    expect(inb(0x20)).toBe(0x08);
    expect(pic.acknowledge()).toBe(0x33);
    pic.setIrq(3, true);
    expect(inb(0x20)).toBe(0x08);
    out(0x20, 0x63);
    expect(pic.acknowledge()).toBe(0x33);
    out(0x20, 0x63);
    expect(intr).toBe(false);
  });

  test('a level-triggered line (ELCR) asks again after EOI until it falls', () => {
    out(0x4d0, 0xff);
    out(0x4d1, 0xff);
    expect([inb(0x4d0), inb(0x4d1)]).toEqual([0xf8, 0xde]);
    pic.setIrq(11, true);
    for (let i = 0; i < 3; i++) {
      expect(pic.acknowledge()).toBe(0x3b);
      expect(intr).toBe(false);
      out(0xa0, 0x20);
      out(0x20, 0x20);
      expect(intr).toBe(true);
    }
    pic.setIrq(11, false);
    expect(intr).toBe(true); // the master has latched the cascade
    expect(pic.acknowledge()).toBe(0x3f);
  });

  test('masking hides a request and unmasking brings it back', () => {
    out(0x21, 0x10);
    pic.setIrq(4, true);
    expect(intr).toBe(false);
    out(0x21, 0);
    expect(intr).toBe(true);
  });
});

describe('cascade', () => {
  test('a slave interrupt needs EOI on both controllers and gives way in between', () => {
    pic.setIrq(14, true);
    pic.setIrq(8, true);
    expect(pic.acknowledge()).toBe(0x38);
    expect(intr).toBe(false);
    out(0xa0, 0x20);
    expect(intr).toBe(false);
    out(0x20, 0x20);
    expect(pic.acknowledge()).toBe(0x3e);
  });

  test('special fully nested mode lets a higher slave input in while another is in service', () => {
    initialize(0x11);
    pic.setIrq(14, true);
    expect(pic.acknowledge()).toBe(0x3e);
    pic.setIrq(8, true);
    expect(intr).toBe(true);
    expect(pic.acknowledge()).toBe(0x38);
  });

  test('in automatic EOI mode no bit stays in service and every slave request comes through', () => {
    initialize(0x03);
    pic.setIrq(8, true);
    pic.setIrq(12, true);
    expect(pic.acknowledge()).toBe(0x38);
    expect(intr).toBe(true);
    expect(pic.acknowledge()).toBe(0x3c);
    expect(intr).toBe(false);
    out(0x20, 0x0b);
    out(0xa0, 0x0b);
    expect([inb(0x20), inb(0xa0)]).toEqual([0, 0]);
  });
});

describe('spurious interrupts', () => {
  test('a request that went before the acknowledge gives IRQ7 with nothing in service', () => {
    out(0x4d0, 0x20);
    pic.setIrq(5, true);
    pic.setIrq(5, false);
    expect(pic.acknowledge()).toBe(0x37);
    out(0x20, 0x0b);
    expect(inb(0x20)).toBe(0);
  });

  test('a slave request masked too late gives IRQ15 with only the cascade in service', () => {
    pic.setIrq(10, true);
    out(0xa1, 0xff);
    expect(pic.acknowledge()).toBe(0x3f);
    out(0x20, 0x0b);
    out(0xa0, 0x0b);
    expect([inb(0x20), inb(0xa0)]).toEqual([0x04, 0]);
  });
});

describe('operation words', () => {
  test('rotation on non-specific EOI moves the served input to the lowest priority', () => {
    pic.setIrq(0, true);
    expect(pic.acknowledge()).toBe(0x30);
    out(0x20, 0xa0);
    pic.setIrq(0, false);
    pic.setIrq(0, true);
    pic.setIrq(7, true);
    expect(pic.acknowledge()).toBe(0x37);
  });

  test('set priority makes the next input the highest', () => {
    out(0x20, 0xc4);
    pic.setIrq(0, true);
    pic.setIrq(5, true);
    expect(pic.acknowledge()).toBe(0x35);
  });

  test('rotation in automatic EOI mode serves inputs in turn', () => {
    initialize(0x03);
    out(0x20, 0x80);
    const pulse = (irq: number): void => {
      pic.setIrq(irq, false);
      pic.setIrq(irq, true);
    };
    pulse(0);
    pulse(1);
    expect(pic.acknowledge()).toBe(0x30);
    pulse(0);
    expect(pic.acknowledge()).toBe(0x31);
    expect(pic.acknowledge()).toBe(0x30);
  });

  test('special mask mode lets lower priorities in and keeps the masked bit over an EOI', () => {
    pic.setIrq(1, true);
    expect(pic.acknowledge()).toBe(0x31);
    out(0x21, 0x02);
    out(0x20, 0x68);
    pic.setIrq(6, true);
    expect(intr).toBe(true);
    expect(pic.acknowledge()).toBe(0x36);
    out(0x20, 0x20);
    out(0x20, 0x20);
    out(0x20, 0x0b);
    expect(inb(0x20)).toBe(0x02);
  });

  test('the poll command returns and acknowledges the highest request', () => {
    out(0x20, 0x0c);
    expect(inb(0x20)).toBe(0x07);
    pic.setIrq(6, true);
    out(0x20, 0x0c);
    expect(inb(0x20)).toBe(0x86);
    expect(intr).toBe(false);
    out(0x20, 0x0b);
    expect(inb(0x20)).toBe(0x40);
  });

  test('ICW1 clears mask, service and edge requests; a line that is high must rise again', () => {
    pic.setIrq(3, true);
    out(0x21, 0xff);
    initialize();
    expect(inb(0x21)).toBe(0);
    expect(intr).toBe(false);
    pic.setIrq(3, true);
    expect(intr).toBe(false);
    pic.setIrq(3, false);
    pic.setIrq(3, true);
    expect(intr).toBe(true);
  });
});

describe('saved state', () => {
  test('a restored pair goes on where the saved one was', () => {
    pic.setIrq(9, true);
    pic.setIrq(1, true);
    pic.acknowledge();
    let level = false;
    const copy = new Pic((l) => {
      level = l;
    });
    copy.restore(structuredClone(pic.save()));
    expect(copy.save()).toEqual(pic.save());
    expect(level).toBe(false);
    copy.masterPorts.writePort(0, 1, 0x20);
    expect(level).toBe(true);
    expect(copy.acknowledge()).toBe(0x39);
  });

  test('a damaged state is refused and changes nothing', () => {
    const before = pic.save();
    const bad = {
      ...before,
      slave: { ...before.slave, irr: 1000 },
      master: { ...before.master, imr: 7 },
    };
    expect(() => pic.restore(bad)).toThrow('pic slave: saved state is damaged: irr must be');
    expect(() => pic.restore({ version: 1 })).toThrow(
      /pic master: a saved state must be an object/,
    );
    expect(pic.save()).toEqual(before);
  });
});

test('a host that asks for the line of the cascade gets a clear error', () => {
  expect(() => pic.line(2)).toThrow(/no interrupt line 2/);
});
