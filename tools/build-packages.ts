// Builds every package, or what has changed of them.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What the build had to say if it failed, else nothing. */
export function buildPackages(): string {
  const build = spawnSync('npm', ['run', '--silent', 'build', '--', '--output-logs=errors-only'], {
    cwd: join(dirname(fileURLToPath(import.meta.url)), '..'),
    encoding: 'utf8',
    shell: process.platform === 'win32',
    env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' },
  });
  if (build.status === 0) return '';
  const why = build.error ? `: ${build.error.message}` : '';
  return `${build.stdout ?? ''}${build.stderr ?? ''}the build failed${why}`;
}
