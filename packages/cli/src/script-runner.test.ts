import { describe, expect, it } from 'vitest';
import { parseScript } from './script.js';
import { ScriptRunner } from './script-runner.js';

const bytes = (text: string) => new TextEncoder().encode(text);

function runner(script: string) {
  const events: string[] = [];
  const run = new ScriptRunner({
    steps: parseScript(script, 'script'),
    send: (typed) => events.push(`sent ${new TextDecoder().decode(typed)}`),
    press: (names) => events.push(`pressed ${names.join('+')}`),
    onMatched: () => events.push('matched'),
  });
  run.start();
  return { run, events };
}

describe('a script', () => {
  it('types when it has seen what it waits for, and matches with its last expect', () => {
    const { run, events } = runner('expect login:\nsend root\nexpect #\\s$');
    run.push(bytes('log'));
    expect(events).toEqual([]);
    run.push(bytes('in: '));
    expect(events).toEqual(['sent root']);
    expect(run.awaited).toBe('/#\\s$/');
    run.push(bytes('# '));
    expect(events).toEqual(['sent root', 'matched']);
    expect(run.awaited).toBe(null);
  });

  it('presses keys', () => {
    const { run, events } = runner('expect #\npress leftalt+f2 enter');
    run.push(bytes('# '));
    expect(events).toEqual(['pressed leftalt+f2', 'pressed enter']);
  });

  it('that ends with a send matches nothing', () => {
    const { run, events } = runner('expect #\nsend off');
    run.push(bytes('# '));
    expect(events).toEqual(['sent off']);
    expect(run.awaited).toBe(null);
  });

  it('waits, and sees what was printed meanwhile', async () => {
    const { run, events } = runner('expect a\nwait 5ms\nexpect b');
    run.push(bytes('a b'));
    expect(events).toEqual([]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(events).toEqual(['matched']);
  });

  it('waits no more when it is stopped', async () => {
    const { run, events } = runner('wait 5ms\nsend x');
    run.stop();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(events).toEqual([]);
  });
});
