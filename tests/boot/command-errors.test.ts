// What a user gets wrong: each gives one line on stderr, that says what, and an exit code other than 0. Never a stack trace.
import { chmodSync } from 'node:fs';
import { runCommandLine } from '@proxeny/cli';
import { describe, expect, it, vi } from 'vitest';
import { buildBzImage } from '../../packages/machine/src/loader/testing/bzimage-builder.js';
import { buildElf } from '../../packages/machine/src/loader/testing/elf-builder.js';
import { runCommand, writeTestFile } from './run-command.js';

const kernel = Uint8Array.of(0xf4);
const bzImage = buildBzImage({ kernel });
const elfAt = (paddr: number, bits: 32 | 64 = 32): Uint8Array =>
  buildElf({
    bits,
    entry: paddr,
    segments: [{ vaddr: paddr, paddr, bytes: kernel, memorySize: 4096 }],
  });

const files = {
  empty: writeTestFile('empty.bin', ''),
  text: writeTestFile('notes.txt', 'These are notes, and no kernel at all.\n'),
  zeros: writeTestFile('zeros.bin', new Uint8Array(4096)),
  bzImage: writeTestFile('good.bzimage', bzImage),
  truncatedBzImage: writeTestFile('truncated.bzimage', bzImage.subarray(0, 700)),
  truncatedElf: writeTestFile('truncated.elf', elfAt(0x100000).subarray(0, 60)),
  high: writeTestFile('high.elf', elfAt(0x4000000)),
  outside: writeTestFile('outside.elf', elfAt(0xfec00000)),
  is64: writeTestFile('is64.elf', elfAt(0x100000, 64)),
  needsPae: writeTestFile('pae.bzimage', buildBzImage({ kernel, features: ['fpu', 'pae', 'cx8'] })),
  large: writeTestFile('large.img', new Uint8Array(64 << 20)),
  script: writeTestFile('wrong.script', 'expect login:\nenter root\n'),
};

const USAGE = 2;
const NOT_FOUND = 4;
const FAILURE = 1;

/** What, its arguments, the exit code, and what the one line contains. */
const wrongRuns: readonly (readonly [string, readonly string[], number, string])[] = [
  ['a missing file', ['./no-such-file'], NOT_FOUND, "kernel './no-such-file' does not exist"],
  [
    'a missing initrd',
    [files.bzImage, '-i', './none'],
    NOT_FOUND,
    "initrd './none' does not exist",
  ],
  ['a missing module', [files.bzImage, '--module', './none,x'], NOT_FOUND, "module './none'"],
  ['a missing script', ['--builtin', '--script', './none'], NOT_FOUND, "script './none'"],
  ['a path through a file', [`${files.text}/x`], FAILURE, 'is no directory'],
  ['a directory', ['boot'], FAILURE, "kernel 'boot' is a directory"],
  ['a device', ['/dev/null'], FAILURE, "kernel '/dev/null' is a device, not a file"],
  ['an empty file', [files.empty], FAILURE, "empty.bin' is empty"],
  ['an empty initrd', [files.bzImage, '-i', files.empty], FAILURE, "initrd '"],
  ['no kernel but text', [files.text], FAILURE, 'notes.txt is not a kernel: it is a text file'],
  ['no kernel but zeros', [files.zeros], FAILURE, 'zeros.bin is not a kernel'],
  ['a truncated bzImage', [files.truncatedBzImage], FAILURE, 'truncated.bzimage'],
  ['a truncated ELF file', [files.truncatedElf], FAILURE, 'truncated.elf'],
  ['a segment above RAM', [files.high, '-m', '32M'], FAILURE, 'give it at least 65 MiB'],
  ['a segment outside of RAM', [files.outside], FAILURE, 'lies where a PC has no RAM'],
  [
    'an initrd that does not fit',
    [files.bzImage, '-m', '32M', '-i', files.large],
    FAILURE,
    'initrd',
  ],
  [
    'a feature that the CPU lacks',
    [files.needsPae, '-c', '486'],
    FAILURE,
    'needs the CPU features pae, cx8',
  ],
  ['a 64-bit kernel on a 32-bit CPU', [files.is64, '-c', 'pentium3'], FAILURE, 'feature lm'],
  [
    'a protocol that does not fit',
    [files.high, '--protocol', 'linux32'],
    FAILURE,
    'is not a bzImage',
  ],
  [
    'a display of no size',
    [files.bzImage, '--display', 'a.png,size=9x9'],
    USAGE,
    "'9x9' is no size",
  ],
  ['a key without a display', [files.bzImage, '--press', 'a'], USAGE, 'add --display FILE'],
  [
    'a key that there is not',
    [files.bzImage, '--display', 'a.png', '--press', 'any'],
    USAGE,
    "no key is called 'any'",
  ],
  ['firmware of a wrong size', ['--firmware', files.text], FAILURE, 'notes.txt'],
  [
    'too little memory',
    ['--builtin', '-m', '1M'],
    USAGE,
    'memory of 1M is too small; a PC takes 4M to 4032M',
  ],
  ['too much memory', ['--builtin', '-m', '8G'], USAGE, 'memory of 8192M is too large'],
  ['garbled memory', ['--builtin', '-m', 'lots'], USAGE, "--memory 'lots' is not a size"],
  ['memory without a unit', ['--builtin', '-m', '64'], USAGE, 'write 64M'],
  ['odd memory', ['--builtin', '-m', '4100K'], USAGE, 'no whole number of MiB'],
  ['a garbled timeout', ['--builtin', '-t', 'soon'], USAGE, "--timeout 'soon' is not a duration"],
  [
    'an unknown CPU',
    ['--builtin', '-c', 'z80'],
    USAGE,
    'the models are 486, pentium3, core2, x86-64-v2, max',
  ],
  ['an unknown feature', ['--builtin', '-c', 'max,+magic'], USAGE, "'+magic' is no known feature"],
  [
    'an unknown protocol',
    ['--builtin', 'pc', '--protocol', 'efi'],
    USAGE,
    'use one of linux32, linux64',
  ],
  [
    'an unknown option',
    ['--builtin', '--memroy', '64M'],
    USAGE,
    "unknown option '--memroy' (did you mean --memory?)",
  ],
  ['an option without its value', ['--builtin', '--memory'], USAGE, 'argument missing'],
  [
    'an unknown choice',
    ['--builtin', '--serial', 'x'],
    USAGE,
    'Allowed choices are stdio, hvc, none',
  ],
  ['a wrong expression', ['--builtin', '-e', '('], USAGE, 'Unterminated group'],
  ['a wrong escape', ['--builtin', '--send', '\\q'], USAGE, "unknown escape '\\q'"],
  [
    'a wrong script',
    ['--builtin', '--script', files.script],
    USAGE,
    "wrong.script:2: 'enter' is no step",
  ],
  ['nothing', [], USAGE, 'nothing to run'],
  ['two kernels', [files.bzImage, '-k', files.bzImage], USAGE, 'two kernels'],
  ['a built-in guest that is none', ['--builtin', 'both'], USAGE, 'Allowed choices are pair, pc'],
  ['an initrd for the built-in pair', ['--builtin', '-i', files.text], USAGE, '--initrd goes not'],
  ['a type for the built-in pair', ['--builtin', '--type', 'pv'], USAGE, '--type goes not'],
  ['a CPU without long mode for it', ['--builtin', '-c', 'pentium3'], FAILURE, 'has no long mode'],
  ['a kernel and the built-in one', [files.bzImage, '--builtin'], USAGE, 'exclude each other'],
  [
    'a kernel option with firmware',
    ['--firmware', files.zeros, '-a', 'x'],
    USAGE,
    '--append is for kernels',
  ],
  [
    'a debug file that cannot be',
    ['--builtin', '--debugcon', './no/x'],
    FAILURE,
    "--debugcon './no/x'",
  ],
];

const otherWrong: typeof wrongRuns = [
  ['an unknown command', ['rum'], USAGE, "unknown command 'rum' (did you mean run?)"],
  ['disassemble without a file', ['disassemble'], USAGE, "missing required argument 'file'"],
  ['disassemble of nothing', ['disassemble', files.empty], FAILURE, 'is empty'],
  [
    'a wrong code size',
    ['disassemble', '--bits', '8', files.text],
    USAGE,
    'Allowed choices are 16, 32, 64',
  ],
  ['a wrong origin', ['disassemble', '--origin', '7c00h', files.text], USAGE, 'is not an address'],
  ['text as hexadecimal', ['disassemble', '-f', 'hex', files.text], USAGE, 'not hexadecimal'],
  ['a wrong count', ['trace', '--builtin', '-n', 'many'], USAGE, "--count 'many' is not a number"],
];

/** In this process, for speed: there are many. */
async function expectOneLine(args: readonly string[], code: number, part: string): Promise<void> {
  const written = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      written[name] += text;
      return true;
    }),
  );
  const exitCode = await runCommandLine(args).finally(() => {
    for (const spy of spies) spy.mockRestore();
  });
  expect(written.stderr).toContain(part);
  expect(written.stderr).toMatch(/^proxeny: [^\n]+\n$/);
  expect(written.stdout).toBe('');
  expect(exitCode).toBe(code);
}

describe('proxeny run refuses', () => {
  it.each(wrongRuns)('%s', (_, args, code, part) => expectOneLine(['run', ...args], code, part));
});

describe('proxeny refuses', () => {
  it.each(otherWrong)('%s', (_, args, code, part) => expectOneLine(args, code, part));

  it('as a process, too', async () => {
    const result = await runCommand(['run', './no-such-file']);
    const stderr = "proxeny: kernel './no-such-file' does not exist\n";
    expect(result).toEqual({ code: NOT_FOUND, stdout: '', stderr });
  });
});

describe('a file that may not be read', () => {
  it('is refused with that reason, unless we are root, who may', async () => {
    const path = writeTestFile('secret.bin', bzImage);
    chmodSync(path, 0);
    const { code, stderr } = await runCommand(['run', path, '--timeout', '500ms']);
    chmodSync(path, 0o600);
    if (process.getuid?.() === 0) expect(code).toBe(124);
    else
      expect([code, stderr]).toEqual([
        1,
        `proxeny: kernel '${path}' is not readable: permission denied\n`,
      ]);
  });
});

describe('help', () => {
  it('goes to stdout with code 0, and so does the version', async () => {
    const [help, version] = await Promise.all(
      [['run', '--help'], ['--version']].map((a) => runCommand(a)),
    );
    expect(help.code).toBe(0);
    expect(help.stdout).toContain('Usage: proxeny run [options] [file...]');
    expect(help.stdout).toContain('124 timeout');
    expect(version).toMatchObject({ code: 0, stderr: '' });
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
