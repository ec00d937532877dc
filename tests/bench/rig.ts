// Puts Proxeny beside other emulators: runs a benchmark rig that boots one guest in several engines and stamps the lines of its
// serial port, with the built command as the engine `ours` (and `ours-n24` under the Node of BENCH_NODE24).
// Usage: npx tsx tests/bench/rig.ts RIG/run.mjs [--engines qemu,ours] [--workloads a,b] [--scale X] [the rig's other options]
// Wants `npm run build` first; the rig's kernel and initramfs lie in $BENCH_DIR (default: proxeny-bench in the temporary folder).
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [rig, ...rest] = process.argv.slice(2);
if (!rig?.endsWith('.mjs')) {
  console.error('usage: rig.ts RIG/run.mjs [options of the rig]');
  process.exit(2);
}
const option = (name: string, otherwise: string): string => {
  const at = rest.indexOf(`--${name}`);
  return at < 0 ? otherwise : rest[at + 1];
};
const files = process.env['BENCH_DIR'] ?? join(tmpdir(), 'proxeny-bench');
const scale = Number(option('scale', '1'));
/** The rig's own command line: same guest, same switches. */
const commandLine = [
  'console=ttyS0,115200 quiet panic=-1 tsc=reliable mitigations=off random.trust_cpu=on nokaslr',
  `bench=${option('workloads', 'all')} scale=${scale}`,
  option('append', ''),
].join(' ');
const main = join(dirname(fileURLToPath(import.meta.url)), '../../packages/cli/dist/main.js');
const engine = (node: string): { scale: number; cmd: string[] } => ({
  scale,
  cmd: [
    ...[node, main, 'run', '--memory', '256M'],
    ...['--kernel', option('kernel', join(files, 'vmlinuz'))],
    ...['--initrd', option('initrd', join(files, 'guest/initramfs.cpio'))],
    ...['--append', commandLine],
  ],
});
const node24 = process.env['BENCH_NODE24'];
const folder = mkdtempSync(join(tmpdir(), 'proxeny-rig-'));
const engines = join(folder, 'engines.json');
writeFileSync(
  engines,
  JSON.stringify({
    ours: engine(process.execPath),
    ...(node24 ? { 'ours-n24': engine(node24) } : {}),
  }),
);
const chosen = rest.includes('--engines') ? [] : ['--engines', 'qemu,ours'];
const { status } = spawnSync(process.execPath, [rig, ...chosen, ...rest], {
  stdio: 'inherit',
  env: { ...process.env, BENCH_ENGINES: engines },
});
rmSync(folder, { recursive: true });
process.exitCode = status ?? 1;
