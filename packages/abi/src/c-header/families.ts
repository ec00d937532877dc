// The families that become C headers, one header a file.
import * as addressSpace from '../address-space.js';
import * as blkif from '../blkif.js';
import * as callback from '../callback.js';
import * as console from '../console.js';
import * as cpuContext from '../cpu-context.js';
import * as cpuid from '../cpuid.js';
import * as domainId from '../domain-id.js';
import * as domctl from '../domctl.js';
import * as e820 from '../e820.js';
import * as elfNote from '../elf-note.js';
import * as errno from '../errno.js';
import * as eventChannel from '../event-channel.js';
import * as features from '../features.js';
import * as grantTable from '../grant-table.js';
import * as grantTableOp from '../grant-table-op.js';
import * as hvmOp from '../hvm-op.js';
import * as hvmParam from '../hvm-param.js';
import * as hvmStartInfo from '../hvm-start-info.js';
import * as hvmVcpu from '../hvm-vcpu.js';
import * as hypercallNumber from '../hypercall-number.js';
import * as memoryOp from '../memory-op.js';
import * as mmu from '../mmu.js';
import * as multicall from '../multicall.js';
import * as netif from '../netif.js';
import * as physdev from '../physdev.js';
import * as ring from '../ring.js';
import * as scalar from '../scalar.js';
import * as sched from '../sched.js';
import * as sharedInfo from '../shared-info.js';
import * as startInfo from '../start-info.js';
import * as trap from '../trap.js';
import * as vcpuOp from '../vcpu-op.js';
import * as version from '../version.js';
import * as vmAssist from '../vm-assist.js';
import * as xenbus from '../xenbus.js';
import * as xenstore from '../xenstore.js';

export interface Family {
  /** Its source file and header, without extension. */
  readonly name: string;
  readonly exports: Readonly<Record<string, unknown>>;
}

/** The integers' names, which every header includes. */
export const scalars: Family = { name: 'scalar', exports: scalar };

export const families: readonly Family[] = [
  { name: 'address-space', exports: addressSpace },
  { name: 'blkif', exports: blkif },
  { name: 'callback', exports: callback },
  { name: 'console', exports: console },
  { name: 'cpu-context', exports: cpuContext },
  { name: 'cpuid', exports: cpuid },
  { name: 'domain-id', exports: domainId },
  { name: 'domctl', exports: domctl },
  { name: 'e820', exports: e820 },
  { name: 'elf-note', exports: elfNote },
  { name: 'errno', exports: errno },
  { name: 'event-channel', exports: eventChannel },
  { name: 'features', exports: features },
  { name: 'grant-table-op', exports: grantTableOp },
  { name: 'grant-table', exports: grantTable },
  { name: 'hvm-op', exports: hvmOp },
  { name: 'hvm-param', exports: hvmParam },
  { name: 'hvm-start-info', exports: hvmStartInfo },
  { name: 'hvm-vcpu', exports: hvmVcpu },
  { name: 'hypercall-number', exports: hypercallNumber },
  { name: 'memory-op', exports: memoryOp },
  { name: 'mmu', exports: mmu },
  { name: 'multicall', exports: multicall },
  { name: 'netif', exports: netif },
  { name: 'physdev', exports: physdev },
  { name: 'ring', exports: ring },
  { name: 'sched', exports: sched },
  { name: 'shared-info', exports: sharedInfo },
  { name: 'start-info', exports: startInfo },
  { name: 'trap', exports: trap },
  { name: 'vcpu-op', exports: vcpuOp },
  { name: 'version', exports: version },
  { name: 'vm-assist', exports: vmAssist },
  { name: 'xenbus', exports: xenbus },
  { name: 'xenstore', exports: xenstore },
];
