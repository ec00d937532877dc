import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { StdioConsole } from './stdio-console.js';

class FakeInput extends EventEmitter {
  isTTY = false;
  raw: boolean[] = [];
  flow: string[] = [];
  setRawMode(raw: boolean): void {
    this.raw.push(raw);
  }
  pause(): void {
    this.flow.push('pause');
  }
  resume(): void {
    this.flow.push('resume');
  }
}

class FakeOutput extends EventEmitter {
  writableNeedDrain = false;
  readonly chunks: Uint8Array[] = [];
  write(bytes: Uint8Array): boolean {
    this.chunks.push(bytes);
    return !this.writableNeedDrain;
  }
  get text(): string {
    return Buffer.concat(this.chunks).toString('latin1');
  }
}

function consoleOn(isTTY: boolean) {
  const input = new FakeInput();
  input.isTTY = isTTY;
  const output = new FakeOutput();
  const events: string[] = [];
  const console = new StdioConsole({
    input,
    output,
    onInput: (bytes) => events.push(`input ${Buffer.from(bytes).toString('latin1')}`),
    onInputEnd: () => events.push('end'),
    onLeave: () => events.push('leave'),
    onOutputLost: (error) => events.push(`lost ${error.message}`),
  });
  return { input, output, events, console };
}

const type = (input: FakeInput, text: string) => input.emit('data', Buffer.from(text, 'latin1'));

describe('a console on a terminal', () => {
  it('takes the keyboard raw and gives it back when it closes, once', () => {
    const { input, console } = consoleOn(true);
    const exitListeners = process.listenerCount('exit');
    console.open();
    expect(console.isInteractive).toBe(true);
    expect(process.listenerCount('exit')).toBe(exitListeners + 1);
    console.close();
    console.close();
    expect(input.raw).toEqual([true, false]);
    expect(process.listenerCount('exit')).toBe(exitListeners);
    expect(input.flow.at(-1)).toBe('pause');
  });

  it('passes control characters to the guest, but Ctrl-] and what follows it to nobody', () => {
    const { input, console, events } = consoleOn(true);
    console.open();
    type(input, '\x03\x1a\x04');
    type(input, 'ab\x1dcd');
    console.close();
    expect(events).toEqual(['input \x03\x1a\x04', 'input ab', 'leave']);
  });

  it('goes on without raw mode when the terminal refuses it', () => {
    const { input, console } = consoleOn(true);
    input.setRawMode = () => {
      throw new Error('EIO');
    };
    console.open();
    expect(console.isInteractive).toBe(false);
    console.close();
  });
});

describe('a console on a pipe', () => {
  it('passes every byte on, Ctrl-] too, and tells the end', () => {
    const { input, console, events } = consoleOn(false);
    console.open();
    type(input, 'a\x1db');
    input.emit('end');
    console.close();
    expect(input.raw).toEqual([]);
    expect(events).toEqual(['input a\x1db', 'end']);
  });

  it('can hold its input back', () => {
    const { input, console } = consoleOn(false);
    console.open();
    console.holdInput(true);
    console.holdInput(false);
    console.close();
    console.holdInput(false);
    expect(input.flow).toEqual(['resume', 'pause', 'resume', 'pause']);
  });
});

describe('the output of a console', () => {
  it('carries the bytes of the guest unmodified, in few pieces', async () => {
    const { output, console } = consoleOn(false);
    for (let i = 0; i < 5000; i++) console.write(i & 0xff);
    await new Promise((resolve) => setImmediate(resolve));
    expect(output.chunks.map((chunk) => chunk.length)).toEqual([4096, 904]);
    expect(output.text.charCodeAt(4999)).toBe(4999 & 0xff);
  });

  it('is ready again when it has drained', async () => {
    const { output, console } = consoleOn(false);
    expect(console.ready()).toBe(null);
    output.writableNeedDrain = true;
    const ready = console.ready();
    expect(console.ready()).toBe(ready);
    output.writableNeedDrain = false;
    output.emit('drain');
    await ready;
    expect(console.ready()).toBe(null);
  });

  it('tells when its reader is gone, and writes no more', async () => {
    const { output, console, events } = consoleOn(false);
    output.writableNeedDrain = true;
    const ready = console.ready();
    output.emit('error', new Error('EPIPE'));
    await ready;
    console.write(65);
    console.flush();
    expect(events).toEqual(['lost EPIPE']);
    expect(output.chunks).toEqual([]);
    expect(console.ready()).toBe(null);
  });
});
