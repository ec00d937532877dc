// The built-in guests through the command line: typed sessions, and their ways to end.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { type CommandResult, runCommand, writeTestFile } from './run-command.js';

describe('proxeny run --builtin pc', () => {
  it('answers typed lines and powers off with code 0', async () => {
    const input = 'help\nadd 2 3 37\necho  to be  heard\nadd x\nnonsense\nof\bff\x7f\x7f\x7foff\n';
    const { code, stdout, stderr } = await runCommand(['run', '--builtin', 'pc', '-m', '64M'], {
      input,
    });
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
      ['', 'add 1 2'].map((input) => runCommand(['run', '--builtin', 'pc'], { input })),
    );
    expect(ends.map(({ code }) => code)).toEqual([0, 0]);
    expect(ends[1].stdout).toContain('> add 1 2\r\n3\r\n');
    for (const { stdout } of ends) expect(stdout.endsWith('Power off.\r\n')).toBe(true);
  });

  it('loses nothing of a long input that comes faster than it reads', async () => {
    const lines = Array.from({ length: 1000 }, (_, i) => `add ${i} 1`);
    const { code, stdout } = await runCommand(['run', '--builtin', 'pc'], {
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
    const { code, stdout } = await runCommand(['run', '--builtin', 'pc', '--script', script], {
      input: { open: true },
    });
    expect(code).toBe(0);
    const [first, second] = [...stdout.matchAll(/^Up (\d+\.\d\d) s/gm)].map(([, s]) => Number(s));
    expect(second - first).toBeGreaterThan(1.9);
    expect(second - first).toBeLessThan(2.4);
  });

  it('has a socket and a balloon, which another command can ask', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pcb-'));
    vi.stubEnv('PROXENY_RUNTIME_DIR', folder);
    const asked: Promise<CommandResult>[] = [];
    const vsock = join(folder, 'vsock');
    let hadSocket = false;
    const { code, stderr } = await runCommand(
      ['run', '--builtin', 'pc', '-m', '64M', '--balloon', '16M', '--vsock', vsock, '--name', 'pc'],
      {
        input: { open: true },
        onOutput: async (stdout, child) => {
          if (!stdout.endsWith('> ') || asked.length > 0) return;
          hadSocket = existsSync(vsock);
          for (const args of [['32M'], []]) {
            asked.push(runCommand(['balloon', ...args, '--machine', 'pc']));
            await asked.at(-1);
          }
          child.stdin?.write('off\n');
        },
      },
    );
    expect({ code, stderr, hadSocket }).toEqual({ code: 0, stderr: '', hadSocket: true });
    const [changed, shown] = await Promise.all(asked);
    expect(changed).toEqual({ code: 0, stdout: '', stderr: '' });
    // The guest has no driver.
    expect(shown.stdout).toBe(
      'memory                64M\nwished for            32M\nactual                64M\nthe guest does not say more\n',
    );
    expect(existsSync(vsock)).toBe(false);
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });

  it('shows the processor of the chosen model', async () => {
    const args = ['--expect', '^>', '--send', 'cpu\\n', '--expect', 'Features:.*\\n'];
    const [max, old] = await Promise.all(
      ['max', 'pentium3'].map((cpu) =>
        runCommand(['run', '--builtin', 'pc', '--cpu', cpu, ...args]),
      ),
    );
    expect(max.stdout).toMatch(/^Features: .*sse4\.2.* lm\b/m);
    expect(old.stdout).toMatch(/^Features: fpu tsc pae apic cmov mmx sse\r$/m);
  });

  it('crashes when it is told to: code 3, and a message that names rip and the fault', async () => {
    const { code, stderr } = await runCommand(['run', '--builtin', 'pc'], { input: 'crash\n' });
    expect(code).toBe(3);
    expect(stderr).toMatch(/^proxeny: the guest crashed: triple fault: .*#UD.* rip [\da-f]+\n$/);
  });
});

describe('proxeny run --builtin, a pair of domains', () => {
  it('has one answer what is typed at the other, prints for both, and powers off with code 0', async () => {
    const input =
      'help\nadd 2 3 37\necho  to be  heard\nadd x\nwho\nnonsense\nof\bff\x7f\x7f\x7foff\n';
    const { code, stdout, stderr } = await runCommand(['run', '--builtin'], { input });
    expect([code, stderr]).toEqual([0, '']);
    // Lines of the other domain may come in between.
    const desk = stdout.replace(/^clerk: .*\n/gm, '');
    expect(desk).toContain(
      'Hello from domain 1, which has found domain 2 to answer what you type.\r\n',
    );
    expect(desk).toMatch(/^ {2}help {4}this list\r$/m);
    expect(desk).toMatch(/^42\r$/m);
    expect(desk).toMatch(/^to be {2}heard\r$/m);
    expect(desk).toMatch(/^Write it like: add 2 3\r$/m);
    expect(desk).toMatch(/^Domain 2\r$/m);
    expect(desk).toMatch(/^No command: nonsense\. Type help\.\r$/m);
    expect(desk).toMatch(/^Power off\.\r$/m);
    const clerk = [...stdout.matchAll(/^clerk: (.*)$/gm)].map(([, line]) => line);
    expect(clerk.slice(0, 3)).toEqual([
      'Domain 2 answers domain 1',
      'Asked: help',
      'Asked: add 2 3 37',
    ]);
    expect(clerk.slice(-2)).toEqual(['Asked: off', 'Power off.']);
  });

  it('powers off when its input ends', async () => {
    const { code, stdout } = await runCommand(['run', '--builtin'], { input: 'add 1 2' });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^3\r$/m);
    expect(stdout).toMatch(/^clerk: Power off\.$/m);
  });

  it('loses nothing of a long input that comes faster than it is answered', async () => {
    const lines = Array.from({ length: 300 }, (_, i) => `add ${i} 1`);
    const { code, stdout } = await runCommand(['run', '--builtin'], {
      input: `${lines.join('\n')}\n`,
    });
    const sums = [...stdout.matchAll(/^(\d+)\r$/gm)].map(([, sum]) => Number(sum));
    expect(sums).toEqual(lines.map((_, i) => i + 1));
    expect(code).toBe(0);
  });

  it('survives the crash of the one that answers: code 3, and a message that names it', async () => {
    const { code, stdout, stderr } = await runCommand(['run', '--builtin'], { input: 'crash\n' });
    expect(code).toBe(3);
    expect(stderr).toMatch(/^proxeny: domain clerk crashed: .*#UD rip [\da-f]+\n$/);
    expect(stdout).toMatch(/^No answer came\.\r\nPower off\.\r$/m);
  });
});

describe('a script', () => {
  const prompt = ['run', '--builtin', 'pc', '--expect', '^> '];

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
