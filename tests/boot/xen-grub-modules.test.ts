// GRUB's tests of its own code, run inside Xen guests: arithmetic, jumps, sleep and cryptography.
import { expect, it } from 'vitest';
import { type GrubTarget, grubImage } from './grub-image.js';
import { runCommand } from './run-command.js';

const LIMIT_MS = 240_000;

/** All that need neither a font nor a signed file. */
const TESTS = [
  'bswap_test',
  'cmp_test',
  'ctz_test',
  'div_test',
  'exfctest',
  'mul_test',
  'pbkdf2_test',
  'setjmp_test',
  'shift_test',
  'sleep_test',
  'strtoull_test',
  'xnu_uuid_test',
];

it.each<[GrubTarget, 'pv' | 'pvh']>([
  ['x86_64-xen', 'pv'],
  ['i386-xen', 'pv'],
  ['i386-xen_pvh', 'pvh'],
])(
  "GRUB's own tests pass in an image for %s (%s), which then halts",
  async (target, type) => {
    const image = grubImage(`grub-tests.${target}`, {
      target,
      modules: ['echo', 'functional_test', 'halt', 'xnu_uuid', ...TESTS],
      config: 'functional_test\necho This was the last test.\nhalt\n',
    });
    const { code, stdout, stderr } = await runCommand(
      ['run', image, '--type', type, '-m', '64M', '--timeout', '200s'],
      { limitMs: LIMIT_MS },
    );
    expect(stderr).toBe('');
    const passed = [...stdout.matchAll(/^(\w+): PASS\r?$/gm)].map(([, name]) => name);
    expect(passed.sort()).toEqual(TESTS);
    expect(stdout).toContain('ALL TESTS PASSED');
    expect(stdout).toContain('This was the last test.');
    expect(code).toBe(0);
  },
  LIMIT_MS,
);
