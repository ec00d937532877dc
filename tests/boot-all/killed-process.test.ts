// A Linux guest under a mixed load, on a raw image and on qcow2 over a base; our process is killed at random instants. What the guest had seen
// flushed is there, its file system needs no more than its journal, and the image is without corruption. It goes on where it was killed.
// KILLS=25 KILL_SEED=7 kill each of the two so often, at these instants.
import { spawnSync } from 'node:child_process';
import { copyFileSync, rmSync } from 'node:fs';
import { expect, it } from 'vitest';
import { debianKernel } from '../boot/debian-packages.js';
import { checkExt4, ext4Image } from '../boot/disk-image.js';
import { busyboxInitramfs } from '../boot/initramfs.js';
import { ext4Modules, kernelModules, virtioModules } from '../boot/kernel-modules.js';
import { runCommand, writeTestFile } from '../boot/run-command.js';
import { Random } from '../conformance/native-oracle/random.js';
import { qemuCheck } from '../conformance/qcow2/qemu-tools.js';
import { MixedLoad } from './mixed-load.js';

const KERNEL = 'linux-image-686';
const kills = Number(process.env.KILLS ?? 4);
const seed = Number(process.env.KILL_SEED ?? Math.floor(Math.random() * 1e6));
const KILL_LIMIT_MS = 200_000;

/** Replays the journal. @returns e2fsck's status (0: clean, 1: repaired as far as it does unasked) and its words */
function replayJournal(path: string): { status: number | null; stdout: string } {
  const environment = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  return spawnSync('e2fsck', ['-p', path], { env: environment, encoding: 'utf8' });
}

it.each(['raw', 'qcow2'] as const)(
  'on %s a guest finds what it had flushed, wherever our process is killed',
  async (format) => {
    const random = new Random(seed);
    const load = new MixedLoad(seed);
    const base = writeTestFile(`kill-${format}.img`, ext4Image(MixedLoad.files, 64));
    const overlay = writeTestFile('kill.qcow2', '');
    const copy = writeTestFile(`kill-${format}-copy.img`, '');
    rmSync(overlay);
    const modules = kernelModules(KERNEL, 'i386', [...virtioModules, 'virtio_blk', ...ext4Modules]);
    const init = MixedLoad.init(modules);
    const initrd = writeTestFile(
      `kill-${format}.initrd`,
      busyboxInitramfs({ architecture: 'i386', files: modules.files, init }),
    );
    let flushes = 0;
    let replays = 0;
    for (let kill = 0; kill < kills; kill++) {
      const acknowledged = 1 + random.below(30);
      const delayMs = random.below(400);
      let isEnding = false;
      const { stdout } = await runCommand(
        [
          ...['run', '-m', '96M'],
          ...['--disk', format === 'raw' ? base : `${base},overlay=${overlay}`],
          ...['-a', `console=ttyS0 quiet panic=1 ${load.parameters}`],
          ...['-i', initrd, debianKernel(KERNEL, 'i386')],
        ],
        {
          limitMs: KILL_LIMIT_MS,
          onOutput: (text, child) => {
            if (isEnding || MixedLoad.acknowledged(text) < acknowledged) return;
            isEnding = true;
            setTimeout(() => child.kill('SIGKILL'), delayMs);
          },
        },
      );
      const place = `seed ${seed}, kill ${kill}: ${stdout.slice(-500)}`;
      expect(stdout, place).toContain('MOUNTED');
      expect(MixedLoad.acknowledged(stdout), place).toBeGreaterThanOrEqual(acknowledged);
      flushes += MixedLoad.acknowledged(stdout);
      load.interrupted(stdout);

      rmSync(copy);
      if (format === 'raw') copyFileSync(base, copy);
      else {
        expect(qemuCheck(overlay).corruptions, place).toBe(0);
        expect((await runCommand(['disk', 'convert', overlay, copy])).code, place).toBe(0);
      }
      const replay = replayJournal(copy);
      if (replay.stdout.includes('recovering journal')) replays++;
      expect([0, 1], `${place}\n${replay.stdout}`).toContain(replay.status);
      const check = checkExt4(copy);
      expect(check.code, `${place}\n${check.text}`).toBe(0);
      expect(load.differences(copy), place).toEqual([]);
    }
    console.log(
      `${format}, seed ${seed}: ${kills} kills, ${replays} journals replayed, ${flushes} flushes, none lost`,
    );
  },
  kills * KILL_LIMIT_MS,
);
