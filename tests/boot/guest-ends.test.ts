// How guests end, and that hostile ones end alone: triple faults, garbage, wild page tables, resets, floods, exit codes, signals.
import { Machine, type MachineEnd } from '@proxeny/machine';
import { assembleHelloKernel } from '@proxeny/pv-guest';
import { cpuModel } from '@proxeny/vcpu-x86';
import { describe, expect, it } from 'vitest';
import { runCommand, smallKernel, writeTestFile } from './run-command.js';

const run = (name: string, code: string, ...args: string[]) =>
  runCommand(['run', writeTestFile(`${name}.bin`, smallKernel(code)), '-m', '16M', ...args]);

const print = (character: string) => `mov dx, 0x3f8\nmov al, '${character}'\nout dx, al\n`;

describe('a guest that', () => {
  it('faults without an IDT ends the process with code 3 and a message with rip', async () => {
    const { code, stderr } = await run('triple-fault', 'lidt [0x500]\nint3');
    expect(code).toBe(3);
    expect(stderr).toMatch(/^proxeny: the guest crashed: triple fault: .* rip 10[\da-f]+\n$/);
  });

  it('executes garbage ends the process with code 3 and names #UD', async () => {
    const { code, stderr } = await run('garbage', 'db 0x0f, 0xff, 0xff, 0xff');
    expect(code).toBe(3);
    expect(stderr).toMatch(/triple fault: #UD rip 100025, then #GP/);
  });

  it('points its page tables at nothing ends the process with code 3', async () => {
    const code =
      'mov eax, 0xfffff000\nmov cr3, eax\nmov eax, cr0\nor eax, 0x80000000\nmov cr0, eax\nhlt';
    const result = await run('page-tables', code);
    expect(result.code).toBe(3);
    expect(result.stderr).toMatch(/^proxeny: the guest crashed: .* rip [\da-f]+\n$/);
  });

  it('resets starts again, until the time is over', async () => {
    const code = `${print('R')}mov dx, 0xcf9\nmov al, 6\nout dx, al\nhlt`;
    const { code: exitCode, stdout, stderr } = await run('reset', code, '--expect', 'RRR');
    expect(exitCode).toBe(0);
    expect(stdout.startsWith('RRR')).toBe(true);
    expect(stderr).toContain('proxeny: the guest has reset; starting it again\n');
  });

  it('resets ends with code 0 under --no-reboot', async () => {
    const code = `${print('R')}mov dx, 0xcf9\nmov al, 6\nout dx, al\nhlt`;
    expect(await run('reset-once', code, '--no-reboot')).toEqual({
      code: 0,
      stdout: 'R',
      stderr: '',
    });
  });

  it('writes an exit code gives it to the process', async () => {
    const { code } = await run('exit-code', 'mov al, 5\nout 0xf4, al\nhlt');
    expect(code).toBe((5 << 1) | 1);
  });

  it('halts with interrupts off ends by the timeout', async () => {
    const { code, stderr } = await run('halt', 'cli\nhlt', '--timeout', '500ms');
    expect([code, stderr]).toEqual([124, 'proxeny: timeout after 0.5 s\n']);
  });

  it('writes to the debug ports is heard on stderr when that is asked for', async () => {
    const code = "mov al, 'd'\nout 0xe9, al\nmov al, 5\nout 0xf4, al";
    expect((await run('debug', code, '--debugcon', 'stderr')).stderr).toBe('d');
    expect((await run('debug', code)).stderr).toBe('');
  });
});

describe('a guest that floods its console', () => {
  const flood = `${print('x')}.loop: out dx, al\njmp .loop`;

  it('is held while nobody reads, and ends at the timeout all the same', async () => {
    let paused = false;
    const path = writeTestFile('flood.bin', smallKernel(flood));
    const { code, stdout } = await runCommand(['run', path, '-m', '16M', '--timeout', '2s'], {
      onOutput: (_, child) => {
        if (paused) return;
        paused = true;
        child.stdout?.pause();
        setTimeout(() => child.stdout?.resume(), 2500);
      },
    });
    expect(code).toBe(124);
    // What a pipe and its two ends take; a guest that was not held prints millions.
    expect(stdout.length).toBeLessThan(1_000_000);
  });

  it('ends when its reader goes away', async () => {
    const path = writeTestFile('flood.bin', smallKernel(flood));
    const { code, stderr } = await runCommand(['run', path, '-m', '16M', '--timeout', '20s'], {
      onOutput: (_, child) => child.stdout?.destroy(),
    });
    expect(code).toBe(1);
    expect(stderr).toBe('proxeny: standard output was closed; the guest has ended\n');
  });
});

describe('a signal', () => {
  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 129],
  ] as const)('%s ends the guest and the process with code %i', async (signal, expected) => {
    const { code, stderr } = await runCommand(['run', '--builtin', 'pc'], {
      input: { open: true },
      onOutput: (stdout, child) => {
        if (stdout.endsWith('> ')) child.kill(signal);
      },
    });
    expect(code).toBe(expected);
    expect(stderr).toBe(`proxeny: ended by ${signal}\n`);
  });
});

describe('two machines in one process', () => {
  it('are apart: one crashes, the other goes on and powers off', async () => {
    const model = cpuModel('max');
    if (!model) throw new Error('no such model');
    let printed = '';
    const lines = ['add 1 1\n', 'off\n'];
    const ends: MachineEnd[] = [];
    const good = new Machine({
      image: assembleHelloKernel(),
      memoryBytes: 16 << 20,
      model,
      onSerial: (_, byte) => {
        printed += String.fromCharCode(byte);
        if (printed.endsWith('> ')) good.send(0, new TextEncoder().encode(lines.shift()));
      },
    });
    const bad = new Machine({
      image: smallKernel('lidt [0x500]\nint3'),
      memoryBytes: 16 << 20,
      model,
    });
    const goodRun = good.run();
    ends.push(await bad.run());
    ends.push(await goodRun);
    expect(ends.map(({ reason }) => reason)).toEqual(['crash', 'poweroff']);
    expect(printed).toContain('> add 1 1\r\n2\r\n');
  });
});
