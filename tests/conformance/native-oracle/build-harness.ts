// Compiles harness.c for one word size and caches the program by the hash of its sources.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { protocolHeader } from './protocol.js';

const here: string = dirname(fileURLToPath(import.meta.url));
const cacheDirectory: string = join(here, '../../../node_modules/.cache/proxeny-native-oracle');

function compilerFlags(bits: 32 | 64, headerDirectory: string): string[] {
  // Fixed low addresses (-no-pie) keep the harness away from the case's windows; no vector
  // registers, so that the handler leaves x87 and SSE state as the kernel saved it.
  return [
    ...[`-m${bits}`, '-O1', '-std=gnu11', '-Wall', '-Wno-array-bounds', '-I', headerDirectory],
    ...['-ffreestanding', '-nostdlib', '-static', '-no-pie', '-fno-pie', '-fno-stack-protector'],
    ...['-mgeneral-regs-only', '-fcf-protection=none', '-fno-strict-aliasing'],
    ...['-fno-tree-loop-distribute-patterns', '-fno-asynchronous-unwind-tables'],
  ];
}

/** The harness cannot be built or run here; the message says which Debian packages to install. */
export class NativeOracleUnavailable extends Error {
  override name = 'NativeOracleUnavailable';
}

/**
 * Path of the harness program for `bits`, compiled now if its sources changed.
 * @throws NativeOracleUnavailable when the host is not Linux on x86-64 or the compiler fails
 */
export function buildHarness(bits: 32 | 64): string {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new NativeOracleUnavailable(
      `the native oracle runs on Linux x86-64 only, this is ${process.platform} ${process.arch}`,
    );
  }
  const source = join(here, 'harness.c');
  const header = protocolHeader();
  const hash = createHash('sha256')
    .update(readFileSync(source))
    .update(header)
    .update(compilerFlags(bits, '').join(' '))
    .digest('hex')
    .slice(0, 16);
  const program = join(cacheDirectory, `harness${bits}-${hash}`);
  if (existsSync(program)) return program;
  const work = join(cacheDirectory, `build-${bits}-${process.pid}`);
  mkdirSync(work, { recursive: true });
  try {
    writeFileSync(join(work, 'protocol.h'), header);
    const output = join(work, 'harness');
    execFileSync('gcc', [...compilerFlags(bits, work), '-o', output, source], { stdio: 'pipe' });
    renameSync(output, program);
  } catch (cause) {
    const { code, stderr } = cause as { code?: string; stderr?: Buffer };
    const packages = bits === 32 ? 'gcc gcc-multilib' : 'gcc';
    const why = code === 'ENOENT' ? 'gcc is not installed' : `gcc -m${bits} failed`;
    throw new NativeOracleUnavailable(
      `cannot build the ${bits}-bit native oracle: ${why}; install the Debian packages ` +
        `"${packages}" (apt-get install ${packages})${stderr?.length ? `\n${stderr}` : ''}`,
      { cause },
    );
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return program;
}
