import { describe, expect, it } from 'vitest';
import { OutputMatcher } from './output-matcher.js';

const bytes = (text: string) => new TextEncoder().encode(text);

describe('output that streams by', () => {
  it('matches across chunks, even inside a character', () => {
    const output = new OutputMatcher();
    for (const byte of bytes('Grüße, log')) output.push(Uint8Array.of(byte));
    expect(output.take(/ße, login:/)).toBe(false);
    output.push(bytes('in: '));
    expect(output.take(/ße, login:/)).toBe(true);
  });

  it('is used up by a match, so the next one lies behind it', () => {
    const output = new OutputMatcher();
    output.push(bytes('$ one\n$ two\n$ '));
    expect([1, 2, 3, 4].map(() => output.take(/\$ /))).toEqual([true, true, true, false]);
  });

  it('keeps a bounded part, and still matches what is new', () => {
    const output = new OutputMatcher();
    output.push(bytes('needle\n'));
    for (let i = 0; i < 100; i++) output.push(bytes('hay '.repeat(1000)));
    expect(output.take(/needle/)).toBe(false);
    output.push(bytes('needle'));
    expect(output.take(/hay needle/)).toBe(true);
  });

  it('begins at a line when it forgets, so ^ means the start of a line', () => {
    const output = new OutputMatcher();
    for (let i = 0; i < 5000; i++) {
      output.push(bytes(`some words ${i}\r\n`));
      expect(output.take(/^(?!some words \d+\n|some words \d+\r?$|$)/m)).toBe(false);
    }
  });

  it('has line ends of one character, wherever a chunk ends', () => {
    const output = new OutputMatcher();
    for (const chunk of ['one\r', '\ntwo\r\r\nthree']) output.push(bytes(chunk));
    expect(output.take(/^one\n.*\nthree$/m)).toBe(true);
    expect(output.lastLine).toBe('three');
  });

  it('has no control sequences, wherever a chunk ends', () => {
    const output = new OutputMatcher();
    for (const chunk of ['\n[7.5m] ~ # ', '\x1b', '[6', 'n']) output.push(bytes(chunk));
    expect(output.take(/^\[7.5m\] ~ # $/m)).toBe(true);
  });

  it('tells its last line without escape sequences', () => {
    const output = new OutputMatcher();
    output.push(bytes('booting\r\n\x1b[1;32mlogin\x1b[0m: \r\n\r\n'));
    expect(output.lastLine).toBe('login: ');
  });
});
