// The built-in guest through the command line: a typed session, and its three ways to end.
import { describe, expect, it } from 'vitest';
import { runCommand, writeTestFile } from './run-command.js';

describe('proxeny run --builtin', () => {
  it('answers typed lines and powers off with code 0', async () => {
    const input = 'help\nadd 2 3 37\necho  to be  heard\nadd x\nnonsense\nof\bff\x7f\x7f\x7foff\n';
    const { code, stdout, stderr } = await runCommand(['run', '--builtin', '-m', '64M'], { input });
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toContain('Hello from a kernel that Proxeny has assembled itself.\r\n');
    expect(stdout).toContain('64 MiB of memory\r\n');
    expect(stdout).toContain('> help\r\n  help    this list\r\n');
    expect(stdout).toContain('> add 2 3 37\r\n42\r\n');
    expect(stdout).toContain('> echo  to be  heard\r\nto be  heard\r\n');
    expect(stdout).toContain('> add x\r\nWrite it like: add 2 3\r\n');
    expect(stdout).toContain('No command: nonsense. Type help.\r\n');
    expect(stdout.endsWith('off\r\nPower off.\r\n')).toBe(true);
  });

  it('powers off when its input ends, also behind a line that is not complete', async () => {
    const ends = await Promise.all(
      ['', 'add 1 2'].map((input) => runCommand(['run', '--builtin'], { input })),
    );
    expect(ends.map(({ code }) => code)).toEqual([0, 0]);
    expect(ends[1].stdout).toContain('> add 1 2\r\n3\r\n');
    for (const { stdout } of ends) expect(stdout.endsWith('Power off.\r\n')).toBe(true);
  });

  it('loses nothing of a long input that comes faster than it reads', async () => {
    const lines = Array.from({ length: 1000 }, (_, i) => `add ${i} 1`);
    const { code, stdout } = await runCommand(['run', '--builtin'], {
      input: `${lines.join('\n')}\n`,
    });
    const sums = [...stdout.matchAll(/^(\d+)\r$/gm)].map(([, sum]) => Number(sum));
    expect(sums).toEqual(lines.map((_, i) => i + 1));
    expect(code).toBe(0);
  });

  it('has a clock that goes with ours', async () => {
    const script = writeTestFile(
      'uptime.script',
      'expect ^>\nsend uptime\\n\nexpect ^Up .*\\n\nwait 2s\nsend uptime\\n\nexpect ^Up .*\\n\n',
    );
    const { code, stdout } = await runCommand(['run', '--builtin', '--script', script], {
      input: { open: true },
    });
    expect(code).toBe(0);
    const [first, second] = [...stdout.matchAll(/^Up (\d+\.\d\d) s/gm)].map(([, s]) => Number(s));
    expect(second - first).toBeGreaterThan(1.9);
    expect(second - first).toBeLessThan(2.4);
  });

  it('shows the processor of the chosen model', async () => {
    const args = ['--expect', '^>', '--send', 'cpu\\n', '--expect', 'Features:.*\\n'];
    const [max, old] = await Promise.all(
      ['max', 'pentium3'].map((cpu) => runCommand(['run', '--builtin', '--cpu', cpu, ...args])),
    );
    expect(max.stdout).toMatch(/^Features: .*sse4\.2.* lm\b/m);
    expect(old.stdout).toMatch(/^Features: fpu tsc pae apic cmov mmx sse\r$/m);
  });

  it('crashes when it is told to: code 3, and a message that names rip and the fault', async () => {
    const { code, stderr } = await runCommand(['run', '--builtin'], { input: 'crash\n' });
    expect(code).toBe(3);
    expect(stderr).toMatch(/^proxeny: the guest crashed: triple fault: .*#UD.* rip [\da-f]+\n$/);
  });
});

describe('a script', () => {
  const prompt = ['run', '--builtin', '--expect', '^> '];

  it('types and ends with code 0 when its last expect matches', async () => {
    const args = [...prompt, '--send', 'add 20 22\\r', '--expect', '^42$'];
    const { code, stderr } = await runCommand(args);
    expect([code, stderr]).toEqual([0, '']);
  });

  it('fails when the guest ends before its output matches', async () => {
    const { code, stderr } = await runCommand([...prompt, '--send', 'off\\n', '--expect', 'more']);
    expect(code).toBe(1);
    expect(stderr).toBe('proxeny: the guest powered off before /more/ appeared\n');
  });

  it('ends with code 124 when the output does not match in time', async () => {
    const { code, stderr } = await runCommand([...prompt, '--expect', 'more', '--timeout', '2s'], {
      input: { open: true },
    });
    expect(code).toBe(124);
    expect(stderr).toBe('proxeny: timeout after 2 s, waiting for /more/; the last line was "> "\n');
  });
});
