// Debian's kernels: each at least once with ACPI and APICs or without, by each way to load it, on each CPU model it can run on.
// The whole matrix is in ../boot-all.
import { describe, expect, it } from 'vitest';
import { acceptLinux, type LinuxCase, linuxName, PC_OF_1993 } from './linux-acceptance.js';
import { expectSoundLinux } from './linux-expectations.js';

const cases: readonly LinuxCase[] = [
  { package: 'linux-image-686' },
  { package: 'linux-image-686', append: PC_OF_1993, memoryMib: 64 },
  { package: 'linux-image-686-pae', memoryMib: 3072 },
  { package: 'linux-image-686-pae', append: PC_OF_1993 },
  { package: 'linux-image-cloud-amd64', model: 'x86-64-v2' },
  { package: 'linux-image-cloud-amd64', protocol: 'pvh' },
  { package: 'linux-image-amd64', model: 'x86-64-v2' },
  { package: 'linux-image-amd64', protocol: 'pvh' },
];

describe('an unmodified Debian kernel boots to a sound shell:', () => {
  it.each(cases.map((given) => [linuxName(given), given] as const))('%s', async (_, given) => {
    const outcome = await acceptLinux({ ...given, append: `quiet ${given.append ?? ''}` });
    expectSoundLinux(given, outcome);
    expect(outcome.log).toContain(
      given.append === PC_OF_1993 ? 'ACPI: Interpreter disabled' : 'ACPI: Interpreter enabled',
    );
  });
});
