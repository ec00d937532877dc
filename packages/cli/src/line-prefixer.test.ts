import { describe, expect, it } from 'vitest';
import { LinePrefixer } from './line-prefixer.js';

function printed(...chunks: readonly string[]): string {
  let text = '';
  const prefixer = new LinePrefixer('web', (line) => {
    text += line;
  });
  for (const chunk of chunks) prefixer.push(new TextEncoder().encode(chunk));
  prefixer.flush();
  return text;
}

describe('the output of a guest that is not on the terminal', () => {
  it('is shown by whole lines with its name before each', () => {
    expect(printed('one\r\nt', 'wo', '\nthree')).toBe('web: one\nweb: two\nweb: three\n');
  });

  it('cannot command the terminal', () => {
    expect(printed('\x1b[31mred\x1b[0m\x07\x1b]0;title\x07\n')).toBe('web: red]0;title\n');
  });

  it('is broken where a line does not end', () => {
    const lines = printed('x'.repeat(3000)).split('\n');
    expect(lines.map((line) => line.length)).toEqual([1029, 1029, 957, 0]);
  });

  it('ends without an empty line', () => {
    expect(printed('one\n')).toBe('web: one\n');
  });
});
