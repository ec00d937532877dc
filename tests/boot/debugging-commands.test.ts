// The commands for people who debug kernels: disassemble and trace, through the command line.
import { describe, expect, it } from 'vitest';
import { runCommand, smallKernel, writeTestFile } from './run-command.js';

describe('proxeny disassemble', () => {
  it('reads hexadecimal digits from standard input', async () => {
    const { code, stdout } = await runCommand(['disassemble', '--origin', '0x1000', '-'], {
      input: '48 89 e5\nc3\n',
    });
    expect(code).toBe(0);
    expect(stdout).toBe(
      '00001000  4889e5                mov rbp, rsp\n00001003  c3                    ret\n',
    );
  });

  it('reads a part of a binary file', async () => {
    const path = writeTestFile('code.bin', Uint8Array.of(0, 0, 0x31, 0xc0, 0xf4, 0));
    const args = ['disassemble', '-b', '16', '--skip', '2', '--length', '3', path];
    const { stdout } = await runCommand(args);
    expect(stdout.split('\n').map((line) => line.slice(32))).toEqual(['xor ax, ax', 'hlt', '']);
  });
});

describe('proxeny trace', () => {
  const path = writeTestFile(
    'traced.bin',
    smallKernel(
      'mov eax, 5\n.loop: dec eax\njnz .loop\nmov dx, 0x3f8\nmov al, 33\nout dx, al\nud2',
    ),
  );

  it('shows each instruction and what it changed, and the crash at the end', async () => {
    const { code, stdout, stderr } = await runCommand(['trace', path, '-m', '16M']);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[1]).toMatch(/^ {7}2 {2}0010:00100025 {2}b805000000 +mov eax, 5 +; eax=5$/);
    expect(lines.filter((line) => line.includes('dec eax'))).toHaveLength(5);
    expect(lines.filter((line) => line.includes('jne 0x10002a'))).toHaveLength(5);
    expect(lines).toHaveLength(16);
    expect(lines[15]).toMatch(/ud2 +; fault 6$/);
    expect(stderr).toBe('!proxeny: the guest crashed: triple fault\n');
    expect(code).toBe(3);
  });

  it('shows blocks and their tiers with --blocks', async () => {
    const { stdout, code } = await runCommand(['trace', path, '-m', '16M', '--blocks']);
    expect(stdout.trimEnd().split('\n')).toEqual([
      '       1  00100020  32-bit kernel  cold  7 instructions, 20 bytes',
      ...[2, 3, 4, 5].map(
        (n) => `       ${n}  0010002a  32-bit kernel  cold  5 instructions, 10 bytes`,
      ),
      '       6  00100034  32-bit kernel  cold  1 instruction, 2 bytes, fault 6',
    ]);
    expect(code).toBe(3);
    const busy = smallKernel('.loop: dec eax\njnz .loop');
    const hot = await runCommand(
      [
        'trace',
        writeTestFile('busy-trace.bin', busy),
        '--blocks',
        '--skip',
        '40000',
        '-n',
        '3',
      ].concat(['-m', '16M']),
    );
    expect(hot.stdout).toMatch(/ 00100025 {2}32-bit kernel {2}hot {3}2 instructions\n/);
  });

  it('begins at an address or after a count, and ends after a count', async () => {
    const from = await runCommand(['trace', path, '--from', '0x10002a', '-n', '1']);
    expect(from.stdout).toMatch(/^ {7}3 {2}0010:0010002a {2}48 +dec eax +; eax=4\b.*\n$/);
    const skip = await runCommand(['trace', path, '--skip', '4', '-n', '1']);
    expect(skip.stdout).toMatch(/^ {7}5 {2}0010:0010002a {2}48 +dec eax +; eax=3\b.*\n$/);
    expect([from.code, skip.code]).toEqual([0, 0]);
  });
});
