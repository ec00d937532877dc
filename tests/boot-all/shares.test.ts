// Shared folders under many random operations, compared with a folder of the host's: by the driver's side alone, and by programs of a
// Debian guest, whose kernel has its own drivers and caches.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { debianKernel, debianPackage } from '../boot/debian-packages.js';
import { busyboxInitramfs, executable } from '../boot/initramfs.js';
import { kernelModules, virtioModules } from '../boot/kernel-modules.js';
import { runCommand, writeTestFile } from '../boot/run-command.js';
import { clients, stress } from '../conformance/shares/stress.js';
import { treeOf } from '../conformance/shares/tree.js';
import { operationScript, pattern } from './operation-script.js';

const OPERATIONS = 100_000;
const GUEST_OPERATIONS = 3000;
/** More than a guest gets descriptors for. */
const MANY_FILES = 3000;
const KERNEL = 'linux-image-686';
/** A machine with other work takes long. */
const LIMIT_MS = 1_200_000;

it.each(Object.keys(clients))(
  'a folder shared by %s has the same tree as one of the host after 100,000 operations',
  (protocol) => {
    const { expected, found } = stress(protocol, 2, OPERATIONS);
    expect(found).toEqual(expected);
    expect(expected.length).toBeGreaterThan(50);
  },
  LIMIT_MS,
);

it(
  'a Debian guest does to folders shared by 9P and virtio-fs what the same programs do to one of the host',
  async () => {
    const outside = mkdtempSync(join(tmpdir(), 'guest-stress-'));
    const folders = ['scratch', 'host', '9p', 'virtiofs'].map((name) => join(outside, name));
    for (const folder of folders) mkdirSync(folder);
    const [scratch, host, ...shares] = folders;
    const script = operationScript(3, GUEST_OPERATIONS, scratch);
    const files = { script: join(outside, 'script.sh'), pattern: join(outside, 'pattern') };
    writeFileSync(files.script, script);
    writeFileSync(files.pattern, pattern);
    const busybox = join(debianPackage('busybox-static', 'i386'), 'bin/busybox');
    const expected = execFileSync(busybox, ['sh', files.script], {
      ...{ cwd: host, maxBuffer: 1 << 28, encoding: 'latin1' },
      env: { PATTERN: files.pattern, BETWEEN: 'true', PATH: '' },
    });

    const modules = kernelModules(KERNEL, 'i386', [
      ...[...virtioModules, 'netfs', 'fscache', '9pnet', '9pnet_virtio', '9p', 'fuse', 'virtiofs'],
    ]);
    const initrd = busyboxInitramfs({
      architecture: 'i386',
      files: [...modules.files, executable('script.sh', script), executable('pattern', pattern)],
      init: `
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
${modules.load}
mkdir /9p /virtiofs
mount -t 9p -o trans=virtio,version=9p2000.L,msize=131072 9p /9p
mount -t virtiofs virtiofs /virtiofs
export PATTERN=/pattern BETWEEN='echo 3 > /proc/sys/vm/drop_caches'
for share in 9p virtiofs; do
  cd /$share && busybox env -u TERM busybox sh /script.sh > /tmp/outcomes
  cp /tmp/outcomes /$share/outcomes
  mkdir many; i=0; while [ $i -lt ${MANY_FILES} ]; do echo $i > many/$i; i=$((i+1)); done
  mv many moved; cat moved/* | sha256sum; rm -r moved
  cd / && umount /$share && echo $share done
done
poweroff -f
`,
    });
    const { code, stdout, stderr } = await runCommand(
      [
        ...['run', '-m', '128M', '-a', 'console=ttyS0 quiet panic=1'],
        ...['-i', writeTestFile('guest-stress.initrd', initrd)],
        ...shares.flatMap((folder, i) => [
          '--share',
          `${folder}:${i === 0 ? '9p' : 'virtiofs,fs=virtiofs'}`,
        ]),
        debianKernel(KERNEL, 'i386'),
      ],
      { limitMs: LIMIT_MS },
    );
    expect(stderr).toBe('');
    expect(stdout.match(/^\w+ done/gm)).toEqual(['9p done', 'virtiofs done']);
    const many = Array.from({ length: MANY_FILES }, (_, i) => `${i}\n`).sort();
    const sum = createHash('sha256').update(many.join('')).digest('hex');
    expect(stdout.match(/^[0-9a-f]{64}/gm)).toEqual([sum, sum]);
    expect(code).toBe(0);
    // That most of it was done.
    expect(expected.match(/^\d+ 0$/gm)?.length).toBeGreaterThan(GUEST_OPERATIONS * 0.7);
    for (const folder of shares) {
      const outcomes = readFileSync(join(folder, 'outcomes'), 'latin1');
      rmSync(join(folder, 'outcomes'));
      expect(outcomes.split('\n')).toEqual(expected.split('\n'));
      expect(treeOf(folder)).toEqual(treeOf(host));
    }
    rmSync(outside, { recursive: true });
  },
  LIMIT_MS,
);
