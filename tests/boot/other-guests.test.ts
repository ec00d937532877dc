// Guests other than Linux, as Debian packages them: SeaBIOS, GNU Mach, memtest86+.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { debianPackage } from './debian-packages.js';
import { GuestConsole } from './guest-console.js';

describe('SeaBIOS', () => {
  it.each([
    ['bios.bin', 128, '0000000007fff000'],
    ['bios-256k.bin', 2048, '000000007fff'],
  ])(
    '%s finds its machine with %i MiB and looks for a boot device',
    async (file, memoryMib, top) => {
      const guest = new GuestConsole({
        image: join(debianPackage('seabios', 'all'), 'usr/share/seabios', file),
        protocol: 'firmware',
        memoryMib,
      });
      await guest.waitForDebug(/^No bootable device\./m, 60);
      guest.machine.stop();
      const log = guest.debugText;
      expect(log).toMatch(/^SeaBIOS \(version 1\./);
      expect(log).toContain('Found QEMU fw_cfg');
      expect(log).toContain('Found 1 cpu(s)');
      expect(log).toContain('Found 4 serial ports');
      expect(log).toContain('PS2 keyboard initialized');
      expect(log).toMatch(/0000000000000000 - 000000000009fc00 = 1 RAM/);
      expect(log).toMatch(new RegExp(`0000000000100000 - ${top}[0-9a-f]* = 1 RAM`));
      expect(log).toMatch(/ = 2 RESERVED/);
      expect(log).not.toMatch(/WARNING/);
    },
  );
});

describe('GNU Mach', () => {
  it('boots by Multiboot until it asks for its bootstrap code', async () => {
    const packed = join(debianPackage('gnumach-image-1.8-486', 'i386'), 'boot/gnumach-1.8-486.gz');
    const guest = new GuestConsole({
      image: new Uint8Array(gunzipSync(readFileSync(packed))),
      commandLine: 'console=com0',
      memoryMib: 128,
    });
    await guest.waitFor(/No bootstrap code loaded with the kernel!/, 60);
    guest.machine.stop();
    expect(guest.text).toMatch(/^GNU Mach 1\.8/m);
    expect(guest.text).toContain('000000000000100000:000000000008000000, available');
    expect(guest.text).toContain('RTC time is 20');
  });
});

describe('memtest86+', () => {
  // The status line is drawn every two seconds; the last of its tests, #10, waits for minutes.
  it.each([
    ['ia32', 'all its tests', /#10 /],
    ['x64', 'some of its tests', /#(?:[3-9]|10) /],
  ])('(%s) runs %s on memory and finds no error', async (flavour, _, last) => {
    const guest = new GuestConsole({
      image: join(debianPackage('memtest86+', 'amd64'), `boot/memtest86+${flavour}.bin`),
      commandLine: 'console=ttyS0,115200',
      memoryMib: 8,
    });
    await guest.waitFor(/Memtest86\+ v6/i, 30);
    await guest.waitFor(last, 150);
    await guest.waitFor(/Errors: \d+ /, 10);
    guest.machine.stop();
    expect(new Set(guest.text.match(/Errors: +\d+/g))).toEqual(new Set(['Errors: 0']));
  });
});
