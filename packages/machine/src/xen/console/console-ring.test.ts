// The paravirtual console's ring: both directions, full rings, and guests that write nonsense.
import { xencons_interface } from '@proxeny/abi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TestPage, TestPort } from '../testing/shared-memory.js';
import { ConsoleRing } from './console-ring.js';

const { fields } = xencons_interface.of(64);
const bytesOf = (text: string) => new TextEncoder().encode(text);

class Guest {
  readonly page = new TestPage();
  readonly port = new TestPort();
  printed = '';
  isReady = true;
  readonly ring: ConsoleRing;

  constructor(prepare: (page: TestPage) => void = () => {}) {
    prepare(this.page);
    this.ring = new ConsoleRing({
      page: this.page,
      port: this.port,
      onOutput: (bytes) => {
        this.printed += new TextDecoder().decode(bytes);
      },
      isReady: () => this.isReady,
    });
  }

  /** How many bytes fitted. */
  print(text: string): number {
    const producer = this.page.readU32(fields.out_prod.offset);
    const room = 2048 - ((producer - this.page.readU32(fields.out_cons.offset)) >>> 0);
    const bytes = bytesOf(text).subarray(0, room);
    bytes.forEach((byte, i) => {
      this.page.bytes[fields.out.offset + ((producer + i) % 2048)] = byte;
    });
    this.page.writeU32(fields.out_prod.offset, producer + bytes.length);
    this.port.send();
    return bytes.length;
  }

  read(): string {
    const producer = this.page.readU32(fields.in_prod.offset);
    const bytes: number[] = [];
    for (let at = this.page.readU32(fields.in_cons.offset); at !== producer; at = (at + 1) >>> 0)
      bytes.push(this.page.bytes[fields.in.offset + (at % 1024)] as number);
    this.page.writeU32(fields.in_cons.offset, producer);
    this.port.send();
    return new TextDecoder().decode(Uint8Array.from(bytes));
  }
}

describe("a guest's output", () => {
  it('is printed, across the end of the ring, and the guest told of the room', () => {
    const guest = new Guest();
    const text = 'x'.repeat(1500);
    for (let i = 0; i < 4; i++) expect(guest.print(`${text}${i}`)).toBe(1501);
    expect(guest.printed).toBe(`${text}0${text}1${text}2${text}3`);
    expect(guest.port.notifications).toBe(4);
  });

  it('that was there before we came is printed', () => {
    const guest = new Guest((page) => {
      page.bytes.set(bytesOf('early'), fields.out.offset);
      page.writeU32(fields.out_prod.offset, 5);
    });
    expect(guest.printed).toBe('early');
  });

  it('stays in the ring while nobody takes it', () => {
    const guest = new Guest();
    guest.isReady = false;
    expect(guest.print('x'.repeat(3000))).toBe(2048);
    expect(guest.print('y')).toBe(0);
    expect(guest.port.notifications).toBe(0);
    guest.isReady = true;
    guest.ring.service();
    expect(guest.printed).toBe('x'.repeat(2048));
    expect(guest.port.notifications).toBe(1);
  });

  it('is left alone while its counts cannot be', () => {
    const guest = new Guest();
    guest.page.writeU32(fields.out_prod.offset, 2049);
    guest.port.send();
    expect([guest.printed, guest.page.readU32(fields.out_cons.offset)]).toEqual(['', 0]);
    guest.page.writeU32(fields.out_prod.offset, 0);
    guest.print('sane');
    expect(guest.printed).toBe('sane');
  });

  it('of the last moment is printed when the ring is closed, which then leaves the page alone', () => {
    const guest = new Guest();
    guest.isReady = false;
    guest.print('last words');
    guest.isReady = true;
    guest.ring.close();
    expect(guest.printed).toBe('last words');
    guest.print('more');
    guest.ring.send(bytesOf('in'));
    expect(guest.printed).toBe('last words');
    expect(guest.read()).toBe('');
  });
});

describe('input', () => {
  it('comes to the guest without loss, as its ring has room', () => {
    const guest = new Guest();
    const text = Array.from({ length: 700 }, (_, i) => `line ${i}\n`).join('');
    guest.ring.send(bytesOf(text));
    expect(guest.ring.queuedInput).toBe(text.length - 1024);
    let read = '';
    while (read.length < text.length) read += guest.read();
    expect(read).toBe(text);
    expect(guest.ring.queuedInput).toBe(0);
  });

  it('waits while the counts cannot be', () => {
    const guest = new Guest();
    guest.page.writeU32(fields.in_cons.offset, 1);
    guest.ring.send(bytesOf('abc'));
    expect(guest.ring.queuedInput).toBe(3);
    guest.page.writeU32(fields.in_cons.offset, 0);
    guest.port.send();
    expect(guest.read()).toBe('abc');
  });
});

describe('a hostile guest', () => {
  it('raises no exception and is never given more than it printed', () => {
    const counts = fc.record({
      field: fc.constantFrom('in_cons', 'in_prod', 'out_cons', 'out_prod'),
      value: fc.nat(0xffffffff),
    });
    fc.assert(
      fc.property(
        fc.array(fc.oneof(counts, fc.string({ maxLength: 50 })), { maxLength: 40 }),
        (steps) => {
          const guest = new Guest();
          for (const step of steps) {
            const before = guest.printed.length;
            if (typeof step === 'string') guest.ring.send(bytesOf(step));
            else guest.page.writeU32(fields[step.field as 'in_cons'].offset, step.value);
            guest.port.send();
            expect(guest.printed.length - before).toBeLessThanOrEqual(2048);
          }
        },
      ),
    );
  });
});
