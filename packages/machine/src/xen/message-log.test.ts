// The hypervisor's messages: lines, who said them, and their bound.
import { describe, expect, it } from 'vitest';
import { logMethods, MessageLog } from './message-log.js';

const bytes = (text: string) => new TextEncoder().encode(text);

describe('the log', () => {
  it('keeps lines apart by who printed them', () => {
    const log = new MessageLog();
    log.print(1, bytes('hel'));
    log.print(2, bytes('other\n'));
    log.print(1, bytes('lo\nnext'));
    log.say('domain 2 has shut down');
    expect(log.text()).toBe('(d2) other\n(d1) hello\n(XEN) domain 2 has shut down\n(d1) next\n');
    log.forget(1);
    log.print(1, bytes('again\n'));
    expect(log.text()).toMatch(/\(d1\) next\n\(d1\) again\n$/);
  });

  it('has nothing in it that a terminal would obey', () => {
    const log = new MessageLog();
    log.print(1, bytes('\x1b[2Ja\r\tb\x7f\u00e4\x9b\n'));
    expect(log.text()).toBe('(d1) [2Jab????\n');
  });

  it('forgets the oldest lines and breaks long ones', () => {
    const log = new MessageLog();
    for (let i = 0; i < 10_000; i++) log.print(1, bytes(`line ${i}\n`));
    expect(log.text().length).toBeLessThanOrEqual(64 * 1024);
    expect(log.text()).toMatch(/line 9999\n$/);
    for (let i = 0; i < 1000; i++) log.print(1, new Uint8Array(5000).fill(120));
    expect(log.text().length).toBeLessThanOrEqual(66 * 1024);
  });

  it('can be read and cleared from outside', () => {
    const log = new MessageLog();
    log.say('a');
    const read = logMethods(log)['log.read'];
    const stream = { send: () => {}, closed: Promise.resolve() };
    expect(read?.({ clear: true }, stream)).toBe('(XEN) a\n');
    expect(read?.(null, stream)).toBe('');
  });
});
