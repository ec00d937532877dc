// The hypercall table, by number. What has no row answers -ENOSYS.
import { HYPERCALL_PAGE_SLOTS } from '@proxeny/abi';
import { consoleIo } from './console-io.js';
import { eventChannelOp } from './event-channel.js';
import type { Hypercall } from './hypercall.js';
import { multicall } from './multicall.js';
import { schedOp, schedOpCompat } from './sched.js';
import { setTimerOp } from './timer.js';
import { vcpuOp } from './vcpu-op.js';
import { xenVersion } from './version.js';
import { vmAssist } from './vm-assist.js';

const rows: readonly Hypercall[] = [
  consoleIo,
  eventChannelOp,
  multicall,
  schedOp,
  schedOpCompat,
  setTimerOp,
  vcpuOp,
  vmAssist,
  xenVersion,
];

function byNumber(): readonly (Hypercall | undefined)[] {
  const table = new Array<Hypercall | undefined>(HYPERCALL_PAGE_SLOTS).fill(undefined);
  for (const row of rows) table[row.number] = row;
  return table;
}

export const hypercallTable: readonly (Hypercall | undefined)[] = byNumber();
