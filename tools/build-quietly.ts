// The build half of `npm start`: builds every package and says nothing unless it fails, so the guest has the terminal to itself.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const build = spawnSync('npm', ['run', '--silent', 'build', '--', '--output-logs=errors-only'], {
  cwd: join(dirname(fileURLToPath(import.meta.url)), '..'),
  encoding: 'utf8',
  shell: process.platform === 'win32',
  env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' },
});
if (build.status !== 0) {
  process.stderr.write(build.stdout ?? '');
  process.stderr.write(build.stderr ?? '');
  process.stderr.write(
    `npm start: the build failed${build.error ? `: ${build.error.message}` : ''}\n`,
  );
  process.exitCode = 1;
}
