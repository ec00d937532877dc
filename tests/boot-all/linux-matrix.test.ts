// The whole matrix of Debian's kernels; not part of `npm test`, run it by `npm run test:boot-all`.
import { describe, expect, it } from 'vitest';
import { acceptLinux, type LinuxCase, linuxName, PC_OF_1993 } from '../boot/linux-acceptance.js';
import { expectSoundLinux } from '../boot/linux-expectations.js';

const models32 = ['pentium3', 'core2', 'x86-64-v2', 'max'];
const models64 = ['core2', 'x86-64-v2', 'max'];

const cases: LinuxCase[] = [
  ...['linux-image-686', 'linux-image-686-pae'].flatMap((name) =>
    models32.flatMap((model) =>
      ['', PC_OF_1993].map((append) => ({ package: name, model, append })),
    ),
  ),
  ...['linux-image-cloud-amd64', 'linux-image-amd64'].flatMap((name) =>
    models64.flatMap((model) => [
      { package: name, model },
      { package: name, model, protocol: 'pvh' as const },
    ]),
  ),
  { package: 'linux-image-amd64', append: PC_OF_1993 },
  ...[96, 512, 1024, 2048, 3073, 4032].map((memoryMib) => ({
    package: 'linux-image-amd64',
    memoryMib,
  })),
];

describe('an unmodified Debian kernel boots to a sound shell:', () => {
  it.each(cases.map((given) => [linuxName(given), given] as const))('%s', async (_, given) => {
    const outcome = await acceptLinux(given);
    expect(outcome.complaints).toEqual([]);
    expectSoundLinux(given, outcome);
  });
});
