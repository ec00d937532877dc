// What every Debian kernel must do here: boot with a busybox initramfs to a shell that answers, keep time, have nothing to
// complain about in its log, and end the machine.
import type { BootProtocol, MachineEnd } from '@proxeny/machine';
import { debianKernel } from './debian-packages.js';
import { GuestConsole } from './guest-console.js';
import { busyboxInitramfs } from './initramfs.js';

export interface LinuxCase {
  readonly package: string;
  /** Default: max. */
  readonly model?: string;
  readonly protocol?: BootProtocol;
  /** After `console=ttyS0`. */
  readonly append?: string;
  /** Default: 256. */
  readonly memoryMib?: number;
}

export interface LinuxOutcome {
  readonly uname: string;
  readonly cpuinfo: string;
  readonly answer: string;
  readonly memoryKib: number;
  /** Of `sleep 5`, by the host's clock. */
  readonly sleepSeconds: number;
  /** CPU time of this process during those, as a share of them, and instructions executed a second. */
  readonly idleLoad: number;
  readonly idleInstructions: number;
  /** The whole kernel log. */
  readonly log: string;
  /** Its lines that tell of a fault of the machine. */
  readonly complaints: readonly string[];
  readonly end: MachineEnd;
}

/** A sound machine gives a kernel no reason for these. */
const COMPLAINT =
  /unexpected|spurious|unable to calibrate|calibration failed|calibration failure|\bWARNING\b|\bBUG:|kernel BUG|Call Trace|\bOops\b|soft lockup|timer doesn't work|nobody cared/i;

const INIT = `mount -t proc proc /proc
mount -t sysfs sysfs /sys
export PS1='guest# '
exec sh
`;

/** Without ACPI there is no way to power off, so such guests reboot. */
export const PC_OF_1993 = 'noapic nolapic acpi=off';

export function linuxName(given: LinuxCase): string {
  const { model = 'max', protocol = 'bzImage', append = '', memoryMib = 256 } = given;
  return `${given.package} by ${protocol} on ${model} with ${memoryMib} MiB ${append}`.trim();
}

/** Boots the kernel, works through the list, ends it. */
export async function acceptLinux(given: LinuxCase): Promise<LinuxOutcome> {
  const architecture = given.package.endsWith('amd64') ? 'amd64' : 'i386';
  const guest = new GuestConsole({
    image: debianKernel(given.package, architecture),
    initrd: busyboxInitramfs({ architecture, init: INIT }),
    commandLine: `console=ttyS0 ${given.append ?? ''}`,
    ...(given.model === undefined ? {} : { model: given.model }),
    ...(given.protocol === undefined ? {} : { protocol: given.protocol }),
    ...(given.memoryMib === undefined ? {} : { memoryMib: given.memoryMib }),
  });
  await guest.waitFor(/^guest# /m, 120);
  const uname = (await guest.command('uname -a')).output;
  const cpuinfo = (await guest.command('cat /proc/cpuinfo')).output;
  const answer = (await guest.command('echo $((6*7))')).output;
  const memory = (await guest.command('grep MemTotal /proc/meminfo')).output;
  const before = process.cpuUsage();
  const executedBefore = guest.machine.statistics.instructions;
  const beforeMs = performance.now();
  let sleep = await guest.command('sleep 5');
  // The host may have had a bad moment: a clock that is wrong is wrong twice.
  if (Math.abs(sleep.seconds - 5) > 0.1) sleep = await guest.command('sleep 5');
  const used = process.cpuUsage(before);
  const sleepsMs = performance.now() - beforeMs;
  const executed = guest.machine.statistics.instructions - executedBefore;
  const log = (await guest.command('dmesg')).output;
  guest.type(given.append?.includes('acpi=off') ? 'reboot -f\n' : 'poweroff -f\n');
  const limit = setTimeout(() => guest.machine.stop(), 20_000);
  const end = await guest.ended;
  clearTimeout(limit);
  return {
    uname,
    cpuinfo,
    answer,
    memoryKib: Number(/(\d+) kB/.exec(memory)?.[1]),
    sleepSeconds: sleep.seconds,
    idleLoad: (used.user + used.system) / 1000 / sleepsMs,
    idleInstructions: (executed / sleepsMs) * 1000,
    log,
    complaints: log.split('\n').filter((line) => COMPLAINT.test(line)),
    end,
  };
}
