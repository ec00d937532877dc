// The emulators that are compared: how each runs a guest with its first serial port on stdout, and why it cannot, if so.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { debianPackage } from '../../boot/debian-packages.js';
import { root } from '../../contracts/source-tree.js';

/** What is booted: a Multiboot kernel, or a Linux one with its initramfs. */
export type PeerGuest =
  | { readonly kind: 'multiboot'; readonly kernel: string }
  | {
      readonly kind: 'linux';
      readonly kernel: string;
      readonly initrd: string;
      readonly commandLine: string;
    };

export interface Engine {
  readonly name: string;
  readonly version: string;
  /** Program and arguments. */
  command(guest: PeerGuest): readonly string[];
}

/** An engine, or one line that says why there is none. */
export type Found = Engine | { readonly name: string; readonly missing: string };

const MEMORY_MIB = 256;
const V86 = '0.5.462';

function ours(): Found {
  const name = 'proxeny';
  const main = join(root, 'packages/cli/dist/main.js');
  if (!existsSync(main)) return { name, missing: 'it is not built; run npm run build' };
  const version = spawnSync(process.execPath, [main, '--version'], { encoding: 'utf8' }).stdout;
  const fixed = [main, 'run', '--memory', `${MEMORY_MIB}M`, '--no-block-cache'];
  return {
    ...{ name, version: `${version.trim()}, Node ${process.versions.node}` },
    command: (guest) => [
      ...[process.execPath, ...fixed, '--kernel', guest.kernel],
      ...(guest.kind === 'linux' ? ['-i', guest.initrd, '-a', guest.commandLine] : []),
    ],
  };
}

function qemu(): Found {
  const [name, program] = ['QEMU TCG', 'qemu-system-i386'];
  const { stdout, error } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  if (error)
    return { name, missing: `${program} was not found (Debian: apt install qemu-system-x86)` };
  const fixed = [
    '-accel',
    'tcg',
    '-cpu',
    'max',
    '-m',
    String(MEMORY_MIB),
    '-display',
    'none',
    '-no-reboot',
  ];
  return {
    ...{ name, version: /version (\S+)/.exec(stdout)?.[1] ?? 'unknown' },
    command: (guest) => [
      ...[program, ...fixed, '-monitor', 'none', '-serial', 'stdio', '-kernel', guest.kernel],
      ...(guest.kind === 'linux' ? ['-initrd', guest.initrd, '-append', guest.commandLine] : []),
    ],
  };
}

/** v86 comes from npm when it is wanted, and its BIOS from Debian. */
function v86(): Found {
  const name = 'v86';
  const { stdout, stderr, error } = spawnSync(
    'npm',
    ['exec', '--yes', `--package=v86@${V86}`, '--', 'node', '-p', 'process.env.PATH'],
    { encoding: 'utf8' },
  );
  if (error) return { name, missing: `npm, which fetches it: ${error.message}` };
  const folder = stdout
    .split(':')
    .map((bin) => join(dirname(bin), 'v86'))
    .find((each) => existsSync(join(each, 'build/libv86.mjs')));
  if (folder === undefined) {
    const why = stderr.trim().split('\n')[0] || 'the package has no build/libv86.mjs';
    return { name, missing: `npm cannot fetch it: ${why}` };
  }
  let firmware: string;
  try {
    firmware = join(debianPackage('seabios', 'all'), 'usr/share/seabios');
  } catch (error) {
    return { name, missing: `its BIOS: ${(error as Error).message.split('\n')[0]}` };
  }
  const runner = fileURLToPath(new URL('v86-runner.mjs', import.meta.url));
  const fixed = { folder, firmware, memoryBytes: MEMORY_MIB << 20 };
  return {
    ...{ name, version: `${V86}, Node ${process.versions.node}` },
    command: (guest) => [process.execPath, runner, JSON.stringify({ ...fixed, ...guest })],
  };
}

export const engineNames = ['proxeny', 'qemu', 'v86'] as const;
export type EngineName = (typeof engineNames)[number];
const finders: Readonly<Record<EngineName, () => Found>> = { proxeny: ours, qemu, v86 };

export const findEngine = (name: EngineName): Found => finders[name]();
