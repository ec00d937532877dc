// `run --display`: the picture of a 64-bit kernel's text console, written at the end of the run, and keys pressed there.
import { readFileSync, rmSync } from 'node:fs';
import { expect, it } from 'vitest';
import { ALPHABET, consoleRows } from '../boot/console-picture.js';
import { debianKernel } from '../boot/debian-packages.js';
import { busyboxInitramfs } from '../boot/initramfs.js';
import { displayModules, kernelModules, virtioModules } from '../boot/kernel-modules.js';
import { runCommand, writeTestFile } from '../boot/run-command.js';

const KERNEL = 'linux-image-amd64';

it('writes what the guest shows at the end of its run, and presses keys', async () => {
  const modules = kernelModules(KERNEL, 'amd64', [...virtioModules, ...displayModules]);
  const initrd = busyboxInitramfs({
    architecture: 'amd64',
    files: modules.files,
    init: `
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
${modules.load}
printf '\\033c\\033[?25l%s\\n%s\\n' '${ALPHABET}' 'a picture of 64 bits' > /dev/tty0
exec 3<> /dev/tty1
echo listening
read typed <&3
echo "got: $typed"
sleep 1
poweroff -f
`,
  });
  const picture = writeTestFile('display.png', '');
  rmSync(picture);
  const result = await runCommand(
    [
      ...['run', debianKernel(KERNEL, 'amd64'), '-i', writeTestFile('display.cpio', initrd)],
      ...['-m', '256M', '-a', 'console=ttyS0 quiet', '--display', `${picture},size=640x400`],
      ...['--expect', '^listening', '--press', 'k e y s space leftshift+1 enter'],
    ],
    { limitMs: 200_000 },
  );
  expect([result.code, result.stderr]).toEqual([0, '']);
  expect(result.stdout).toContain('got: keys !');
  const rows = consoleRows(readFileSync(picture));
  expect(rows).toEqual([ALPHABET, 'a picture of 64 bits', 'keys ?', ...new Array(22).fill('')]);
});
