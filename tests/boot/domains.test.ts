// Several domains in one machine, from configuration files: GRUB's Xen image three times.
import { join } from 'node:path';
import { assemblePairKernel } from '@proxeny/pv-guest';
import { describe, expect, it } from 'vitest';
import { debianPackage } from './debian-packages.js';
import { runCommand, writeTestFile } from './run-command.js';

const kernel = join(
  debianPackage('grub-xen-host', 'amd64'),
  'usr/lib/grub-xen/grub-x86_64-xen.bin',
);
const yaml = writeTestFile(
  'two.yaml',
  `domains:
  - name: one
    kernel: ${kernel}
    memory: 64
  - name: two
    kernel: ${kernel}
    memory: 64
    cpu_weight: 512
`,
);
const cfg = writeTestFile('three.cfg', `name = "three"\nkernel = "${kernel}"\nmemory = 64\n`);

describe('a machine of three domains, from a YAML file and one of xl', () => {
  it('has one on the terminal as it is, and the others by lines with their names', async () => {
    const isShown = (text: string): boolean =>
      ['\none: GNU GRUB', '\nthree: GNU GRUB', 'grub> '].every((part) => text.includes(part));
    const { code, stdout, stderr } = await runCommand(['run', yaml, cfg, '--console', 'two'], {
      input: { open: true },
      limitMs: 240_000,
      onOutput: (text, child) => {
        if (isShown(text)) child.kill('SIGTERM');
      },
    });
    expect(stderr).toBe('proxeny: ended by SIGTERM\n');
    expect(code).toBe(128 + 15);
    expect(isShown(stdout)).toBe(true);
  }, 300_000);
});

const pair = writeTestFile('pair.elf', assemblePairKernel());
const pairConfig = (onCrash: string): string =>
  writeTestFile(
    `pair-${onCrash}.yaml`,
    `domains:
  - { name: asks, kernel: ${pair}, memory: 4, cap: 90, on_poweroff: restart }
  - { name: answers, kernel: ${pair}, memory: 4, cmdline: answers, on_crash: ${onCrash} }
`,
  );

describe('what a configuration says of the end of a domain', () => {
  it('happens: those that are to restart find each other again, with all they hold anew', async () => {
    // The one that asks waits five seconds for an answer, powers off, and is started again.
    const { code, stdout, stderr } = await runCommand([
      ...['run', pairConfig('restart'), '--timeout', '50s'],
      ...['--expect', '> $', '--send', 'crash\\n', '--expect', 'Hello from domain \\d+[^]*> $'],
      ...['--send', 'who\\n', '--expect', '^Domain \\d+$'],
    ]);
    expect(stderr).toMatch(/^proxeny: domain answers crashed: .*; starting it again$/m);
    expect(stderr).toMatch(/^proxeny: domain asks powered off; starting it again$/m);
    expect(stdout).toMatch(/^answers: Asked: who$/m);
    expect(code).toBe(0);
  });

  it('keeps one that is to be preserved, and what it has in xenstore: the other finds it again', async () => {
    const { code, stdout, stderr } = await runCommand([
      ...['run', pairConfig('preserve'), '--timeout', '50s', '--expect', '> $'],
      ...['--send', 'crash\\n', '--expect', 'No answer came[^]*Hello.*found domain 2'],
    ]);
    expect(stderr).toMatch(/^proxeny: domain answers crashed: .*; it stays, to be looked at$/m);
    expect(stdout).toContain('Hello from domain 3, which has found domain 2');
    expect(code).toBe(0);
  });
});
