// A page-table guest's kernel keeps the translations of its own data and code when it flushes or changes its root: of what Debian's keeps
// while it forks, and loads and unloads modules, nothing may be stale then.
import { readFileSync } from 'node:fs';
import type { TrapCpu } from '@proxeny/hv-core';
import { openXenImage, XenGuest } from '@proxeny/machine';
import { type CpuModel, cpuModel, staleTranslations, type X86Cpu } from '@proxeny/vcpu-x86';
import { expect, it } from 'vitest';
import { debianKernel } from './debian-packages.js';
import { busyboxInitramfs } from './initramfs.js';
import { kernelModules } from './kernel-modules.js';

const KERNEL = 'linux-image-cloud-amd64';
const MODULES = ['crc7', 'dummy', 'fat', 'tcp_vegas', 'sch_tbf'];
/** One in so many is looked at: each takes a millisecond. */
const EVERY = 7;
const LIMIT_MS = 400_000;

it(
  'of Debian’s kernel no translation is stale behind a flush or another root',
  async () => {
    const image = new Uint8Array(readFileSync(debianKernel(KERNEL, 'amd64')));
    const { files } = kernelModules(KERNEL, 'amd64', MODULES);
    const init = `i=0; while [ $i -lt 6 ]; do
for m in /*.ko; do insmod $m || echo FAILED $m; done
for m in /*.ko; do n=\${m#/}; rmmod \${n%.ko}; done
for n in 1 2 3 4 5 6 7 8; do busybox true; done
i=$((i+1)); done
echo MODULES LOADED; poweroff -f`;
    const ramdisk = busyboxInitramfs({ architecture: 'amd64', init, files });
    let printed = '';
    const guest = new XenGuest({
      ...{ image: openXenImage(image, KERNEL), ramdisk, commandLine: 'console=hvc0 quiet' },
      ...{ memoryBytes: 256 << 20, model: cpuModel('max') as CpuModel },
      onConsole: (bytes) => {
        printed += String.fromCharCode(...bytes);
      },
    });
    const cpu = guest.cpu as TrapCpu & { readonly x86: X86Cpu };
    const found = { flush: 0, root: 0, checked: 0, stale: [] as string[] };
    let count = 0;
    function audit(why: 'flush' | 'root'): void {
      if (count++ % EVERY !== 0 || found.stale.length > 0) return;
      const { checked, stale } = staleTranslations(cpu.x86);
      found[why]++;
      found.checked += checked;
      found.stale.push(...stale.map((text) => `behind a ${why}: ${text}`));
    }
    const flush = cpu.flushUntold?.bind(cpu);
    cpu.flushUntold = () => {
      flush?.();
      audit('flush');
    };
    const setPageTables = cpu.setPageTables.bind(cpu);
    let last = -1;
    cpu.setPageTables = (root, isKernelMode) => {
      setPageTables(root, isKernelMode);
      if (!isKernelMode || root === last) return;
      last = root;
      audit('root');
    };
    const end = await guest.run();
    expect(end.reason).toBe('poweroff');
    expect(printed).toContain('MODULES LOADED');
    expect(printed).not.toContain('FAILED');
    expect(found.stale).toEqual([]);
    expect(found.flush).toBeGreaterThan(50);
    expect(found.root).toBeGreaterThan(10);
    expect(found.checked).toBeGreaterThan(10_000);
  },
  LIMIT_MS,
);
