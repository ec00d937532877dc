// What the native oracle covers of each row, and why not the rest: one table for the test and for docs/instructions.md. It depends on
// no host; rows whose feature a host lacks are left out there and counted.
import { readFileSync } from 'node:fs';
import type { Form } from '../../../packages/vcpu-x86/src/isa/form.js';
import type { CodeBits } from '../../../packages/vcpu-x86/src/isa/instruction.js';
import type { Row } from '../../../packages/vcpu-x86/src/isa/row.js';

/** `compared`: result with the host's; `fault only`: user code may not do more than fault; else why the host is no judge. */
export type Coverage =
  | { readonly kind: 'compared' | 'fault only' }
  | { readonly kind: 'not compared'; readonly reason: string };

const UMIP = 'Linux answers in the CPU’s place (UMIP)';
const OWN = 'the answer is the host’s own';
const CHANCE = 'the result is random';
const LEAVES = 'enters the host’s kernel';
const CALLS = 'calls the host’s hypervisor';

const notCompared: Readonly<Record<string, string>> = {
  SYSCALL: LEAVES,
  SYSENTER: LEAVES,
  VMCALL: CALLS,
  VMMCALL: CALLS,
  MWAIT: 'sleeps in the host',
  SGDT: UMIP,
  SIDT: UMIP,
  SMSW: UMIP,
  SLDT: UMIP,
  STR: UMIP,
  CPUID: OWN,
  RDTSC: OWN,
  RDTSCP: OWN,
  XGETBV: OWN,
  RDRAND: CHANCE,
  RDSEED: CHANCE,
  INT1: 'hypervisors report it with the wrong rIP (KVM on AMD)',
};

/** Rows without `cpl0` that fault for user code all the same: I/O without a permission map, IF without IOPL, SMM. */
const faultOnly = /^(IN|OUT|INS|OUTS|CLI|STI|RDPMC|RSM|UD[012]|MONITOR|CLAC|STAC)$/;

export function coverageOf(row: Row): Coverage {
  const reason = notCompared[row.mnemonic];
  if (reason !== undefined) return { kind: 'not compared', reason };
  const isPrivileged = row.attributes.has('cpl0') || faultOnly.test(row.mnemonic);
  return { kind: isPrivileged ? 'fault only' : 'compared' };
}

/** Forms that only Intel's processors (which we follow) take as we do. */
const intelOnly: readonly {
  readonly why: string;
  is(form: Form, bits: CodeBits): boolean;
}[] = [
  {
    why: 'AMD has no far pointers with 64-bit offsets (APM vol. 3, JMP far)',
    is: ({ row, operandBits }) =>
      operandBits === 64 && row.operands.some((o) => o.addressing === 'M' && o.width === 'p'),
  },
  {
    why: '0F 0D with a register operand is undefined on AMD (APM vol. 3, PREFETCH)',
    is: ({ row }) => row.source[0] === '0F 0D /r reg',
  },
  {
    why: 'SYSRET is undefined outside of 64-bit mode on Intel only (SDM vol. 2B)',
    is: ({ row }, bits) => row.mnemonic === 'SYSRET' && bits !== 64,
  },
  {
    why: 'MOVSXD to 16 bits reads 4 bytes on AMD (APM vol. 3, MOVSXD)',
    is: ({ row, operandBits, isRegister }) =>
      row.mnemonic === 'MOVSXD' && operandBits === 16 && !isRegister,
  },
];

/** Why only an Intel host can judge a form; undefined: any can. */
export const intelOnlyReason = (form: Form, bits: CodeBits): string | undefined =>
  intelOnly.find((limit) => limit.is(form, bits))?.why;

/** Names of CPUID features in /proc/cpuinfo where they differ. */
const linuxNames: Readonly<Record<string, string>> = {
  clfsh: 'clflush',
  sse3: 'pni',
  sse41: 'sse4_1',
  sse42: 'sse4_2',
  lzcnt: 'abm',
  nopl: 'fpu',
  xsaveopt: 'xsaveopt',
};

interface Host {
  readonly isIntel: boolean;
  readonly features: ReadonlySet<string>;
}
let host: Host | undefined;

function readHost(): Host {
  const text = readFileSync('/proc/cpuinfo', 'utf8');
  return {
    isIntel: text.includes('GenuineIntel'),
    features: new Set(/^flags\s*:\s*(.*)$/m.exec(text)?.[1].split(' ')),
  };
}

/** Can this host judge the form: does it have its feature, and the right vendor? */
export function hostJudges(form: Form, bits: CodeBits): boolean {
  host ??= readHost();
  if (!host.isIntel && intelOnlyReason(form, bits) !== undefined) return false;
  const { attributes, feature } = form.row;
  // Hypervisors hide MONITOR, which processors have all the same: it faults in user mode.
  if (feature === '' || (feature === 'monitor' && attributes.has('cpl0'))) return true;
  return host.features.has(linuxNames[feature] ?? feature);
}
