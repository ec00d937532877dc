import { expect, it } from 'vitest';
import { ProgressBar } from './progress-bar.js';

it('a bar is drawn on a terminal when it changes, and taken away', () => {
  const written: string[] = [];
  const bar = new ProgressBar({ isTTY: true, write: (text) => written.push(text) }, 1000);
  for (const done of [0, 1, 500, 501, 1000]) bar.show(done);
  bar.end();
  expect(written).toEqual([
    '\r[..............................]   0 %',
    '\r[###############...............]  50 %',
    '\r[##############################] 100 %',
    `\r${' '.repeat(38)}\r`,
  ]);
});

it('nothing is drawn where there is no terminal', () => {
  const written: string[] = [];
  const bar = new ProgressBar({ write: (text) => written.push(text) }, 10);
  bar.show(5);
  bar.end();
  expect(written).toEqual([]);
});
