// `npm test`: every check and every test, each even if one before it failed, then one line that sums them up.
// A check counts as one; tests are counted from the JSON that vitest leaves in each workspace (vitest.shared.ts).
// A workspace whose tests left no result counts as one failure, so that a crash of the runner is never a pass.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const checks = ['lint', 'typecheck', 'knip', 'lint:pkg'];
/** All steps together; what is still running then is ended and counts as failed. CI promises 25 minutes with the installation. */
const deadline = Date.now() + 23 * 60_000;

interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

interface Report {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  testResults: {
    name: string;
    status: string;
    assertionResults: { fullName: string; status: string; failureMessages: string[] }[];
  }[];
}

/** Runs one npm script in a process group of its own; resolves to its exit code, or to 124 when the deadline ended it. */
function runScript(name: string): Promise<number> {
  console.log(`\n=== ${name}`);
  const onWindows = process.platform === 'win32';
  const child = spawn('npm', ['run', '--silent', name], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: onWindows,
    detached: !onWindows,
    env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' },
  });
  const signal = (which: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    if (onWindows || !child.pid) child.kill(which);
    else process.kill(-child.pid, which);
  };
  return new Promise((resolve) => {
    let timedOut = false;
    const interrupt = () => {
      signal('SIGTERM');
      process.exit(130);
    };
    const timer = setTimeout(
      () => {
        timedOut = true;
        signal('SIGTERM'); // lets turbo end its tasks, which may have groups of their own
        setTimeout(() => signal('SIGKILL'), 10_000).unref();
      },
      Math.max(1, deadline - Date.now()),
    );
    const settle = (code: number) => {
      clearTimeout(timer);
      process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
      if (timedOut) console.log(`${name}: ended, the time for all checks is over`);
      resolve(timedOut ? 124 : code);
    };
    process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
    child.on('error', () => settle(1));
    child.on('exit', (code) => settle(code ?? 1));
  });
}

function reportPath(workspace: string): string {
  return join(root, workspace, '.cache', 'vitest.json');
}

/** Adds one workspace's report, and repeats what failed, so that it stands at the end of a log; a file that failed before its first test counts as one failure. */
function addReport(workspace: string, tally: Tally): void {
  const path = reportPath(workspace);
  if (!existsSync(path)) {
    tally.failed++;
    console.log(`${workspace}: the tests left no result`);
    return;
  }
  const report = JSON.parse(readFileSync(path, 'utf8')) as Report;
  tally.passed += report.numPassedTests;
  tally.failed += report.numFailedTests;
  tally.skipped += report.numPendingTests + report.numTodoTests;
  for (const { name, status, assertionResults } of report.testResults) {
    const file = relative(root, name);
    if (status === 'failed' && assertionResults.length === 0) {
      tally.failed++;
      console.log(`${file}: did not load`);
    }
    for (const test of assertionResults)
      if (test.status === 'failed')
        console.log(`${file}: ${test.fullName}\n${test.failureMessages.join('\n')}`);
  }
}

const workspaces = [
  ...readdirSync(join(root, 'packages')).map((name) => `packages/${name}`),
  'tests',
].filter((workspace) => existsSync(join(root, workspace, 'package.json')));
for (const workspace of workspaces) rmSync(reportPath(workspace), { force: true });

const checksTally: Tally = { passed: 0, failed: 0, skipped: 0 };
const results: string[] = [];
for (const name of checks) {
  const code = await runScript(name);
  if (code === 0) checksTally.passed++;
  else checksTally.failed++;
  results.push(`${name}: ${code === 0 ? 'passed' : `failed with code ${code}`}`);
}

const testsCode = await runScript('test:unit');
const tests: Tally = { passed: 0, failed: 0, skipped: 0 };
console.log('');
for (const workspace of workspaces) addReport(workspace, tests);
if (testsCode !== 0 && tests.failed === 0) tests.failed++;
results.push(`tests: ${tests.passed} passed, ${tests.failed} failed, ${tests.skipped} skipped`);

const passed = checksTally.passed + tests.passed;
const failed = checksTally.failed + tests.failed;
console.log(results.join('\n'));
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
