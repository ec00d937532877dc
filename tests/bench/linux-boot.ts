// Debian's cloud kernel to its /init, as a paravirtual domain and unmodified on a PC: the same kernel and initramfs, memory and tiers, each
// boot in a process of its own, in turns. Prints the time of each, and of the medians the ratio.
// Wants the built packages. Usage: npm run build && npm run bench:boot --workspace=tests [-- ROUNDS]
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Machine, openXenImage, XenGuest } from '@proxeny/machine';
import { type CpuModel, cpuModel } from '@proxeny/vcpu-x86';
import { debianKernel } from '../boot/debian-packages.js';
import { busyboxInitramfs } from '../boot/initramfs.js';

const KERNEL = 'linux-image-cloud-amd64';
const MEMORY_BYTES = 256 << 20;
const ROUNDS = 5;
const MARK = 'user space is here';
const kinds = ['pv', 'pc'] as const;
type Kind = (typeof kinds)[number];

/** Of the whole boot, with the building of the machine: host time, and CPU time of all threads. */
interface BootTime {
  readonly wallMs: number;
  readonly cpuMs: number;
}

/** Ends a machine whose output has the mark. */
function untilMark(stop: () => void): (bytes: Uint8Array) => void {
  let printed = '';
  return (bytes) => {
    printed += String.fromCharCode(...bytes);
    if (printed.includes(MARK)) stop();
  };
}

async function boot(kind: Kind): Promise<BootTime> {
  const image = new Uint8Array(readFileSync(debianKernel(KERNEL, 'amd64')));
  const ramdisk = busyboxInitramfs({ architecture: 'amd64', init: `echo ${MARK}; poweroff -f` });
  const model = cpuModel('max') as CpuModel;
  const memoryBytes = MEMORY_BYTES;
  const before = process.cpuUsage();
  const startMs = performance.now();
  if (kind === 'pv') {
    const guest: XenGuest = new XenGuest({
      ...{ image: openXenImage(image, KERNEL), ramdisk, commandLine: 'console=hvc0' },
      ...{ memoryBytes, model, onConsole: untilMark(() => guest.stop()) },
    });
    await guest.run();
  } else {
    const onMark = untilMark(() => machine.stop());
    const machine: Machine = new Machine({
      ...{ image, initrd: ramdisk, commandLine: 'console=ttyS0', memoryBytes, model },
      onSerial: (index, byte) => index === 0 && onMark(Uint8Array.of(byte)),
    });
    await machine.run();
  }
  const wallMs = performance.now() - startMs;
  const { user, system } = process.cpuUsage(before);
  return { wallMs, cpuMs: (user + system) / 1000 };
}

function bootApart(kind: Kind): BootTime {
  const program = fileURLToPath(import.meta.url);
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [...process.execArgv, program, kind],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`the ${kind} boot ended with ${status}: ${stderr}`);
  return JSON.parse(stdout) as BootTime;
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] as number;

function compare(rounds: number): void {
  const times: Record<Kind, BootTime[]> = { pv: [], pc: [] };
  for (let round = 0; round < rounds; round++) {
    for (const kind of kinds) {
      const time = bootApart(kind);
      times[kind].push(time);
      console.log(`${kind} ${time.wallMs.toFixed(0)} ms, CPU ${time.cpuMs.toFixed(0)} ms`);
    }
  }
  const of = (kind: Kind, what: keyof BootTime): number[] => times[kind].map((time) => time[what]);
  // Pairs stood side by side: a host whose speed wanders would skew the medians' ratio.
  const ratio = (what: keyof BootTime): string =>
    median(of('pv', what).map((ms, i) => ms / of('pc', what)[i])).toFixed(2);
  console.log(
    `medians of ${rounds}: pv ${median(of('pv', 'wallMs')).toFixed(0)} ms, ` +
      `pc ${median(of('pc', 'wallMs')).toFixed(0)} ms, pv/pc ${ratio('wallMs')} (CPU time ${ratio('cpuMs')})`,
  );
}

const [what] = process.argv.slice(2);
const kind = kinds.find((each) => each === what);
if (kind) console.log(JSON.stringify(await boot(kind)));
else compare(what === undefined ? ROUNDS : Number(what));
