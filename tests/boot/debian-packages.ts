// Debian packages as test guests: fetched by name with apt into .cache/debian and unpacked there, nothing installed.
// apt runs on a private list of packages for i386 and amd64, so that no root and no foreign architecture of the host is
// needed. A package that cannot be had is an error: tests that need guests fail, they never skip.
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** `all`: packages that are the same for every architecture (firmware, installer images). */
export type DebianArchitecture = 'i386' | 'amd64' | 'all';

const CACHE = fileURLToPath(new URL('../../.cache/debian/', import.meta.url));
const LISTS = join(CACHE, 'apt', 'lists');
const LOCK = join(CACHE, 'lock');
const LOCK_TIMEOUT_MS = 600_000;

const APT_OPTIONS = [
  ['APT::Architecture', 'amd64'],
  ['APT::Architectures::', 'amd64'],
  ['APT::Architectures::', 'i386'],
  ['APT::Sandbox::User', 'root'],
  ['Acquire::Languages', 'none'],
  ['Acquire::Retries', '3'],
  ['Dir::State::lists', LISTS],
  ['Dir::Cache', join(CACHE, 'apt')],
].flatMap(([name, value]) => ['-o', `${name}=${value}`]);

/**
 * The folder with the unpacked files of package `name`; fetched on first use, then kept (delete .cache/debian to renew).
 * A meta package of a kernel (`linux-image-686`) gives the kernel it depends on.
 * @throws Error if apt is missing, has no such package or cannot fetch it
 */
export function debianPackage(name: string, architecture: DebianArchitecture): string {
  const folder = join(CACHE, `${name}_${architecture}`);
  if (!existsSync(folder)) withLock(() => fetchPackage(name, architecture, folder));
  return folder;
}

/** The path of the one kernel image (`boot/vmlinuz-*`) of a Debian kernel package. */
export function debianKernel(name: string, architecture: DebianArchitecture): string {
  const boot = join(debianPackage(name, architecture), 'boot');
  const kernel = readdirSync(boot).find((file) => file.startsWith('vmlinuz-'));
  if (kernel === undefined) throw new Error(`Debian package ${name} has no boot/vmlinuz-*`);
  return join(boot, kernel);
}

function fetchPackage(name: string, architecture: DebianArchitecture, folder: string): void {
  if (existsSync(folder)) return; // another process was first
  for (const tool of ['apt-get', 'apt-cache', 'dpkg-deb']) {
    if (spawnSync(tool, ['--version']).error === undefined) continue;
    throw new Error(
      `${tool} was not found: the boot tests take their guests from Debian packages. ` +
        'Run them on Debian or Ubuntu, or in a Debian container.',
    );
  }
  const updated = join(CACHE, 'apt', 'updated');
  const fresh = !existsSync(updated);
  if (fresh) update(updated);
  let problem = tryFetch(name, architecture, folder);
  if (problem !== '' && !fresh) {
    // The list is from an earlier day, the archive may have moved on.
    update(updated);
    problem = tryFetch(name, architecture, folder);
  }
  if (problem === '') return;
  const hint = readFileSync(updated, 'utf8');
  throw new Error(
    `Debian package ${name}:${architecture} cannot be fetched: ${problem}\n` +
      `Is a Debian 12 archive among the host's apt sources, and is the network up?${hint && `\napt-get update said: ${hint}`}`,
  );
}

/** A source of no concern to us may fail, so the outcome is only kept for a message. */
function update(updated: string): void {
  mkdirSync(join(LISTS, 'partial'), { recursive: true });
  mkdirSync(join(CACHE, 'apt', 'archives', 'partial'), { recursive: true });
  const result = apt('apt-get', ['update']);
  writeFileSync(updated, result.status === 0 ? '' : lastLines(result.stderr));
}

/** Empty if it worked, else what went wrong. */
function tryFetch(name: string, architecture: DebianArchitecture, folder: string): string {
  const work = mkdtempSync(join(CACHE, 'fetch-'));
  try {
    const real = resolveMetaPackage(name, architecture);
    const download = apt('apt-get', ['download', qualified(real, architecture)], work);
    const file = readdirSync(work).find((entry) => entry.endsWith('.deb'));
    if (download.status !== 0 || file === undefined) return lastLines(download.stderr);
    const unpacked = join(work, 'unpacked');
    const unpack = spawnSync('dpkg-deb', ['-x', join(work, file), unpacked], { encoding: 'utf8' });
    if (unpack.status !== 0) return lastLines(unpack.stderr);
    renameSync(unpacked, folder);
    return '';
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** `linux-image-686` → `linux-image-6.1.0-50-686`; other names stay. */
function resolveMetaPackage(name: string, architecture: DebianArchitecture): string {
  if (!/^linux-image-(?!\d+\.)/.test(name)) return name;
  const depends = apt('apt-cache', ['depends', qualified(name, architecture)]).stdout;
  return /^\s*\|?Depends: (linux-image-\d+\.[^\s:]*)/m.exec(depends)?.[1] ?? name;
}

/** The name as apt takes it. */
function qualified(name: string, architecture: DebianArchitecture): string {
  return architecture === 'all' ? name : `${name}:${architecture}`;
}

interface AptResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function apt(tool: string, args: string[], cwd: string = CACHE): AptResult {
  return spawnSync(tool, [...APT_OPTIONS, '-q', ...args], {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
    maxBuffer: 1 << 26,
  });
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-5).join('\n');
}

/** Test files run in processes of their own; only one of them may use apt at a time. */
function withLock(action: () => void): void {
  mkdirSync(CACHE, { recursive: true });
  const deadline = Date.now() + LOCK_TIMEOUT_MS;
  for (;;) {
    try {
      writeFileSync(LOCK, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (lockIsStale()) rmSync(LOCK, { force: true });
    else if (Date.now() > deadline) throw new Error(`another process holds ${LOCK} for too long`);
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  }
  try {
    action();
  } finally {
    rmSync(LOCK, { force: true });
  }
}

/** Its process is gone (killed between taking and releasing). */
function lockIsStale(): boolean {
  try {
    const pid = Number(readFileSync(LOCK, 'utf8'));
    if (!(pid > 0)) return false; // just being written
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
