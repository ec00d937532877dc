import { describe, expect, it } from 'vitest';
import { CommandError } from './command-error.js';
import { parseScript, pressStep, sendStep } from './script.js';

function refusal(parse: () => unknown): string {
  try {
    parse();
  } catch (error) {
    expect(error).toBeInstanceOf(CommandError);
    return (error as Error).message;
  }
  return 'accepted';
}

describe('text to type', () => {
  it('knows the usual escapes and any byte', () => {
    const step = sendStep('a\\tü\\r\\n\\\\\\e\\xff', 'x');
    expect(step).toEqual({
      kind: 'send',
      bytes: Buffer.from([0x61, 9, 0xc3, 0xbc, 13, 10, 0x5c, 27, 0xff]),
    });
  });

  it('with another escape is refused', () => {
    expect(refusal(() => sendStep('a\\q', '--send'))).toContain("unknown escape '\\q'");
    expect(refusal(() => sendStep('a\\', '--send'))).toContain("unknown escape '\\'");
  });
});

describe('keys to press', () => {
  it('are names, with a plus between those that go together', () => {
    expect(pressStep(' leftctrl+c  enter kp+ leftshift+kp+', 'x')).toEqual({
      kind: 'press',
      chords: [['leftctrl', 'c'], ['enter'], ['kp+'], ['leftshift', 'kp+']],
    });
  });

  it('that there are not are refused', () => {
    expect(refusal(() => pressStep('a B', '--press'))).toContain("'a B': no key is called 'B'");
    expect(refusal(() => pressStep('a+', '--press'))).toContain("no key is called ''");
    expect(refusal(() => pressStep(' ', '--press'))).toContain('--press: no keys');
  });
});

describe('a script', () => {
  it('is lines of expect, send and wait', () => {
    const steps = parseScript('# log in\nexpect login: $\n\nsend root\\n\r\nwait 500ms\n', 's');
    expect(steps.map((step) => step.kind)).toEqual(['expect', 'send', 'wait']);
    expect(steps[0]).toMatchObject({ pattern: /login: $/m });
    expect(steps[1]).toEqual({ kind: 'send', bytes: Buffer.from('root\n') });
  });

  it('that is wrong is refused with file and line', () => {
    expect(refusal(() => parseScript('\nexpct x', 'boot.script'))).toBe(
      "boot.script:2: 'expct' is no step; use expect, send, press or wait",
    );
    expect(refusal(() => parseScript('expect (', 's'))).toBe(
      "s:1 '(' is no regular expression: Unterminated group",
    );
    expect(refusal(() => parseScript('expect', 's'))).toContain('empty regular expression');
    expect(refusal(() => parseScript('wait long', 's'))).toContain("s:1 'long' is not a duration");
    expect(refusal(() => parseScript('# nothing\n', 's'))).toContain('s has no steps');
  });
});
