// The hypercall table, by number. What has no row answers -ENOSYS.
import { HYPERCALL_PAGE_SLOTS } from '@proxeny/abi';
import { callbackOp, nmiOp, setCallbacks } from './callback.js';
import { consoleIo } from './console-io.js';
import { fpuTaskswitch, getDebugreg, setDebugreg, setSegmentBase, stackSwitch } from './context.js';
import { setGdt, updateDescriptor } from './descriptor-table.js';
import { eventChannelOp, eventChannelOpCompat } from './event-channel.js';
import { grantTableOp } from './grant-table.js';
import { hvmOp } from './hvm-op.js';
import type { Hypercall } from './hypercall.js';
import { iret } from './iret.js';
import { memoryOp } from './memory-op.js';
import { mmuUpdate, updateVaMapping, updateVaMappingOtherdomain } from './mmu-update.js';
import { mmuextOp } from './mmuext.js';
import { multicall } from './multicall.js';
import { physdevOp, physdevOpCompat } from './physdev.js';
import { refusals } from './refusals.js';
import { schedOp, schedOpCompat } from './sched.js';
import { setTimerOp } from './timer.js';
import { setTrapTable } from './trap-table.js';
import { vcpuOp } from './vcpu-op.js';
import { xenVersion } from './version.js';
import { vmAssist } from './vm-assist.js';

const rows: readonly Hypercall[] = [
  ...refusals,
  callbackOp,
  fpuTaskswitch,
  getDebugreg,
  hvmOp,
  iret,
  nmiOp,
  physdevOp,
  physdevOpCompat,
  setCallbacks,
  setDebugreg,
  setGdt,
  setSegmentBase,
  setTrapTable,
  stackSwitch,
  updateDescriptor,
  consoleIo,
  eventChannelOp,
  eventChannelOpCompat,
  grantTableOp,
  memoryOp,
  mmuUpdate,
  mmuextOp,
  multicall,
  schedOp,
  schedOpCompat,
  setTimerOp,
  updateVaMapping,
  updateVaMappingOtherdomain,
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
