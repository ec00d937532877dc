import { expect, it } from 'vitest';
import { Promptness } from './promptness.js';

it('requests are tried at once until one is slow, and again after 64 by other threads', () => {
  const promptness = new Promptness();
  for (let i = 0; i < 10; i++) {
    expect(promptness.mayTry()).toBe(true);
    promptness.note(0.01);
  }
  promptness.note(1.2, 1 << 20);
  expect(promptness.mayTry()).toBe(true);
  promptness.note(5, 1 << 20);
  for (let i = 0; i < 64; i++) expect(promptness.mayTry()).toBe(false);
  expect(promptness.mayTry()).toBe(true);
});
