// Linux' text console on the virtio display of a PC, under Debian's own drivers: its picture, as a PNG image, is read character by
// character; what is typed on the virtio keyboard arrives, and is seen.
import { encodePng } from '@proxeny/machine';
import { expect, it } from 'vitest';
import { ALPHABET, consoleRows } from './console-picture.js';
import { debianKernel } from './debian-packages.js';
import { GuestConsole } from './guest-console.js';
import { busyboxInitramfs } from './initramfs.js';
import { displayModules, kernelModules, shellInit, virtioModules } from './kernel-modules.js';

const KERNEL = 'linux-image-686';

it("Linux' text console is on the display, and takes what is typed on the keyboard", async () => {
  const modules = kernelModules(KERNEL, 'i386', [...virtioModules, ...displayModules]);
  const guest = new GuestConsole({
    image: debianKernel(KERNEL, 'i386'),
    initrd: busyboxInitramfs({
      architecture: 'i386',
      files: modules.files,
      init: shellInit(modules),
    }),
    commandLine: 'console=ttyS0 quiet consoleblank=0',
    memoryMib: 128,
    display: { width: 640, height: 400 },
  });
  await guest.waitFor(/^guest# /m, 120);
  const driver = await guest.command('cat /sys/class/graphics/fb0/name /proc/bus/input/devices');
  expect(driver.output).toMatch(/virtio_gpu/);
  expect(driver.output).toContain('Name="Proxeny keyboard"');
  // A clear screen without a cursor.
  await guest.command(
    `printf '\\033c\\033[?25l%s\\n%s\\n' '${ALPHABET}' 'text, on line 2: 4711' > /dev/tty0`,
  );
  // What is typed while nobody has the console open is nobody's.
  await guest.command('exec 3<> /dev/tty1');
  guest.type('read typed <&3; echo "got: $typed"\n');
  const { display } = guest.machine;
  for (const key of ['k', 'e', 'y', 's', '1', 'enter'])
    while (!display?.press(key)) await new Promise((resolve) => setTimeout(resolve, 10));
  await guest.waitFor(/got: keys1\n/, 60);
  // The driver copies what has changed a little later.
  await guest.command('sleep 1');
  const picture = display?.picture();
  if (!picture) throw new Error('nothing is on the display');
  expect([picture.width, picture.height]).toEqual([640, 400]);
  const rows = consoleRows(encodePng(picture));
  expect(rows).toEqual([ALPHABET, 'text, on line 2: 4711', 'keys1', ...new Array(22).fill('')]);
  guest.type('poweroff -f\n');
  expect(await guest.ended).toMatchObject({ reason: 'poweroff' });
});
