// Guests of one process share compiled code: a second machine with the same kernel, and a paravirtual domain beside a PC.
import { readFileSync } from 'node:fs';
import { Machine, openXenImage, processLibrary, XenGuest } from '@proxeny/machine';
import { type CpuModel, cpuModel } from '@proxeny/vcpu-x86';
import { beforeAll, describe, expect, it } from 'vitest';
import { debianKernel } from './debian-packages.js';
import { busyboxInitramfs } from './initramfs.js';

const KERNEL = 'linux-image-cloud-amd64';
const memoryBytes = 256 << 20;
const model = cpuModel('max') as CpuModel;
const image = new Uint8Array(readFileSync(debianKernel(KERNEL, 'amd64')));
const init = 'i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done; poweroff -f';
const ramdisk = busyboxInitramfs({ architecture: 'amd64', init });

/** Regions that the boot of a PC compiled, and took from others. */
async function bootPc(): Promise<{ compiled: number; reused: number }> {
  const commandLine = 'console=ttyS0 quiet nokaslr';
  const machine = new Machine({ image, initrd: ramdisk, commandLine, memoryBytes, model });
  const end = await machine.run();
  expect(end.reason).toBe('poweroff');
  const { compiled, reused } = machine.cpu.hot.counters;
  return { compiled, reused };
}

describe('with the code that a PC has left in the library', () => {
  let first = { compiled: 0, reused: 0 };
  beforeAll(async () => {
    first = await bootPc();
  });

  it('a second PC with the same kernel compiles at most a tenth of it anew', async () => {
    expect(first.compiled).toBeGreaterThan(200);
    const second = await bootPc();
    expect(second.reused).toBeGreaterThan(200);
    expect(second.compiled).toBeLessThanOrEqual(first.compiled / 10);
  });

  it('a paravirtual domain with the same kernel runs some of it', async () => {
    const { hits } = processLibrary.counters;
    const guest = new XenGuest({
      ...{ image: openXenImage(image, KERNEL), ramdisk, commandLine: 'console=hvc0 quiet' },
      ...{ memoryBytes, model },
    });
    const end = await guest.run();
    expect(end.reason).toBe('poweroff');
    expect(processLibrary.counters.hits - hits).toBeGreaterThan(50);
  });
});
