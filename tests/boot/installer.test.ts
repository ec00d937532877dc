// Debian's installer, kernel and initrd as they are: its first screen, and a shell in its place, through the proxeny command.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { debianInstaller } from './debian-installer.js';
import { GuestConsole } from './guest-console.js';
import { runCommand } from './run-command.js';

const ESCAPE = '\u001b';
const { kernel, initrd } = debianInstaller();

describe("Debian's installer", () => {
  it('reaches its first screen, the choice of a language, and reacts to a key', async () => {
    const guest = new GuestConsole({
      image: kernel,
      initrd: new Uint8Array(readFileSync(initrd)),
      commandLine: 'console=ttyS0 quiet',
      memoryMib: 512,
    });
    await guest.waitFor(/Select a language/, 180);
    await guest.waitFor(/English/, 20);
    await guest.waitFor(/<Enter> activates buttons/, 20);
    guest.type(`${ESCAPE}[A`); // cursor up: from English to C
    await guest.waitFor(new RegExp(`${ESCAPE}\\[37m${ESCAPE}\\[41mC `), 20); // the bar is on it
    guest.machine.stop();
    expect((await guest.ended).reason).toBe('stopped');
  });

  it('gives a shell that answers what is typed, and powers off with code 0', async () => {
    const args = ['run', kernel, '-i', initrd, '-m', '256M', '--timeout', '2m'];
    const typed = ['uname -a', 'cat /proc/cpuinfo', 'echo $((6*7))', 'poweroff -f'];
    const result = await runCommand(
      [
        ...[...args, '--append', 'console=ttyS0 quiet rdinit=/bin/sh', '--expect', '# $'],
        ...['--send', 'mount -t proc proc /proc\\n', '--expect', '# $'],
        ...typed.flatMap((line) => [
          '--send',
          `${line}\\n`,
          ...(line.startsWith('poweroff') ? [] : ['--expect', '# $']),
        ]),
      ],
      { limitMs: 150_000 },
    );
    expect(result.stderr).toBe('');
    expect(result.stdout).toMatch(/^Linux .* i686 GNU\/Linux\r?$/m);
    expect(result.stdout).toMatch(/^model name\t: \S/m);
    expect(result.stdout).toMatch(/^42\r?$/m);
    expect(result.code).toBe(0);
  });
});
