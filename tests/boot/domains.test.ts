// Several domains in one machine, from configuration files: GRUB's Xen image three times.
import { join } from 'node:path';
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
