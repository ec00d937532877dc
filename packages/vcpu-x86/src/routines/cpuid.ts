// CPUID (SDM vol. 2A CPUID): leaves built from the model's features. What is not in the model is not advertised.
import { type Core, CR4_OSXSAVE, type Routine } from '../core.js';
import { PHYSICAL_BITS } from '../mmu/page-walk.js';
import { CR4, GPR, SCRATCH, XCR0 } from '../state/layout.js';
import { APIC_ID, CPU_COUNT } from '../state/system-layout.js';
import { type CpuIdentity, identityOf } from './cpu-models.js';
import { reportMicrocode } from './msr.js';
import { tscHz } from './time-stamp.js';

const VENDOR = 'GenuineIntel';
const HYPERVISOR = 'ProxenyVMM  ';
const HYPERVISOR_LEAF = 0x40000000;
/** Frequency of the local APIC's timer, which is what leaf 15H calls the crystal. */
const CRYSTAL_HZ = 1e9;
/** Size of the XSAVE area: legacy region and header. */
const XSAVE_BYTES = 576;

/** Feature bits: leaf and register, then bits by feature name. */
const leaf1Edx: Readonly<Record<string, number>> = {
  fpu: 0,
  vme: 1,
  de: 2,
  pse: 3,
  tsc: 4,
  msr: 5,
  pae: 6,
  mce: 7,
  cx8: 8,
  apic: 9,
  sep: 11,
  mtrr: 12,
  pge: 13,
  cmov: 15,
  pat: 16,
  pse36: 17,
  clfsh: 19,
  mmx: 23,
  fxsr: 24,
  sse: 25,
  sse2: 26,
};
const leaf1Ecx: Readonly<Record<string, number>> = {
  sse3: 0,
  monitor: 3,
  ssse3: 9,
  cx16: 13,
  pcid: 17,
  sse41: 19,
  sse42: 20,
  x2apic: 21,
  movbe: 22,
  popcnt: 23,
  tscDeadline: 24,
  xsave: 26,
  rdrand: 30,
  hypervisor: 31,
};
const leaf7Ebx: Readonly<Record<string, number>> = {
  fsgsbase: 0,
  bmi1: 3,
  smep: 7,
  invpcid: 10,
  rdseed: 18,
  smap: 20,
};
const leaf7Ecx: Readonly<Record<string, number>> = { umip: 2 };
const leaf7Edx: Readonly<Record<string, number>> = { specCtrl: 26, archCapabilities: 29 };
const extendedEcx: Readonly<Record<string, number>> = { lzcnt: 5 };
const extendedEdx: Readonly<Record<string, number>> = {
  syscall: 11,
  nx: 20,
  gbPages: 26,
  rdtscp: 27,
  lm: 29,
};

type Leaf = [eax: number, ebx: number, ecx: number, edx: number];
const ZERO: Leaf = [0, 0, 0, 0];

function bitsOf(core: Core, table: Readonly<Record<string, number>>): number {
  let bits = 0;
  for (const name in table) if (core.model.features.has(name)) bits |= 1 << table[name];
  return bits;
}
/** Four characters as a little-endian register. */
const text = (s: string, at: number): number => {
  let v = 0;
  for (let i = 3; i >= 0; i--) v = (v << 8) | (at + i < s.length ? s.charCodeAt(at + i) : 0);
  return v;
};
const cpuCount = (core: Core): number => Math.max(1, core.state.get(CPU_COUNT));

function leaf1(core: Core, identity: CpuIdentity): Leaf {
  const { state, model } = core;
  const count = cpuCount(core);
  let edx = bitsOf(core, leaf1Edx);
  // Machine-check architecture, and more than one logical processor in the package.
  if (model.features.has('mce')) edx |= 1 << 14;
  if (count > 1) edx |= 1 << 28;
  let ecx = bitsOf(core, leaf1Ecx);
  if ((state.get(CR4) & CR4_OSXSAVE) !== 0) ecx |= 1 << 27;
  const flushLine = model.features.has('clfsh') ? 8 << 8 : 0;
  const ebx =
    (state.get(APIC_ID) << 24) | ((count > 1 ? Math.min(count, 255) : 0) << 16) | flushLine;
  return [identity.signature, ebx, ecx, edx];
}

/** Type, level, ways, sets, CPUs that share it; lines of 64 bytes. */
function cacheLeaf(core: Core, index: number): Leaf {
  const count = cpuCount(core);
  const caches = [
    [1, 1, 8, 64, 1],
    [2, 1, 8, 64, 1],
    [3, 2, 8, 1024, 1],
    [3, 3, 16, 8192, count],
  ];
  if (index >= caches.length) return ZERO;
  const [type, level, ways, sets, sharing] = caches[index];
  const eax = type | (level << 5) | 0x100 | ((sharing - 1) << 14) | (Math.min(count - 1, 63) << 26);
  return [eax, 63 | ((ways - 1) << 22), sets - 1, 0];
}

/** Extended topology: one thread a core, all cores in one package. */
function topologyLeaf(core: Core, index: number): Leaf {
  const id = core.state.get(APIC_ID);
  const count = cpuCount(core);
  if (index === 0) return [0, 1, 0x100, id];
  if (index === 1) return [Math.ceil(Math.log2(count)), count, 0x201, id];
  return [0, 0, index & 0xff, id];
}

function stateLeaf(core: Core, index: number): Leaf {
  if (!core.model.features.has('xsave')) return ZERO;
  if (index === 0) return [3, (core.state.get(XCR0) & 3) === 0 ? 0 : XSAVE_BYTES, XSAVE_BYTES, 0];
  return index === 1 ? [core.model.features.has('xsaveopt') ? 1 : 0, 0, 0, 0] : ZERO;
}

function timeLeaf(core: Core): Leaf {
  const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
  const hz = Math.round(tscHz(core));
  const divisor = gcd(CRYSTAL_HZ, hz);
  return [CRYSTAL_HZ / divisor, hz / divisor, CRYSTAL_HZ, 0];
}

function basicLeaf(core: Core, identity: CpuIdentity, leaf: number, index: number): Leaf {
  switch (leaf) {
    case 0:
      return [identity.maxLeaf, text(VENDOR, 0), text(VENDOR, 8), text(VENDOR, 4)];
    case 1:
      return leaf1(core, identity);
    case 2:
      return [...identity.cacheDescriptors];
    case 4:
      return cacheLeaf(core, index);
    case 6:
      return [4, 0, 0, 0];
    case 7:
      return index === 0
        ? [0, bitsOf(core, leaf7Ebx), bitsOf(core, leaf7Ecx), bitsOf(core, leaf7Edx)]
        : ZERO;
    case 0xb:
      return core.model.features.has('x2apic') ? topologyLeaf(core, index) : ZERO;
    case 0xd:
      return stateLeaf(core, index);
    case 0x15:
      return timeLeaf(core);
    case 0x16: {
      const mhz = Math.round(tscHz(core) / 1e6);
      return [mhz, mhz, 100, 0];
    }
    default:
      return ZERO;
  }
}

function extendedLeaf(core: Core, identity: CpuIdentity, leaf: number): Leaf {
  const { features } = core.model;
  switch (leaf) {
    case 0x80000000:
      return [identity.maxExtended | 0, 0, 0, 0];
    case 0x80000001: {
      const ecx = bitsOf(core, extendedEcx) | (features.has('lm') ? 1 : 0);
      // SYSCALL exists in 64-bit mode only, and is advertised only there.
      const edx = bitsOf(core, extendedEdx) & (core.mode64 ? -1 : ~(1 << 11));
      return [0, 0, ecx, edx];
    }
    case 0x80000002:
    case 0x80000003:
    case 0x80000004: {
      const at = (leaf - 0x80000002) * 16;
      return [
        text(identity.brand, at),
        text(identity.brand, at + 4),
        text(identity.brand, at + 8),
        text(identity.brand, at + 12),
      ];
    }
    // L2: 64-byte lines, 8 ways, 512 KiB.
    case 0x80000006:
      return [0, 0, 64 | (6 << 12) | (512 << 16), 0];
    case 0x80000007:
      return [0, 0, 0, features.has('constantTsc') ? 1 << 8 : 0];
    case 0x80000008:
      return [PHYSICAL_BITS | ((features.has('lm') ? 48 : 32) << 8), 0, 0, 0];
    default:
      return ZERO;
  }
}

function hypervisorLeaf(leaf: number): Leaf {
  if (leaf !== HYPERVISOR_LEAF) return ZERO;
  return [HYPERVISOR_LEAF, text(HYPERVISOR, 0), text(HYPERVISOR, 4), text(HYPERVISOR, 8)];
}

/** The four registers of a leaf. Leaves above the highest basic one read as that one (Intel). */
export function cpuidLeaf(core: Core, leaf: number, index: number): Leaf {
  const identity = identityOf(core.model);
  const number = leaf >>> 0;
  if (
    number >= HYPERVISOR_LEAF &&
    number < HYPERVISOR_LEAF + 0x100 &&
    core.model.features.has('hypervisor')
  )
    return hypervisorLeaf(number);
  if (number >= 0x80000000 && number <= identity.maxExtended)
    return extendedLeaf(core, identity, number);
  return basicLeaf(
    core,
    identity,
    number <= identity.maxLeaf ? number : identity.maxLeaf,
    index >>> 0,
  );
}

const registers = new Int32Array(4);

/** CPUID: EAX, EBX, ECX, EDX go to SCRATCH. */
const cpuid: Routine = (core) => {
  const { state } = core;
  const leaf = state.get(GPR);
  const [eax, ebx, ecx, edx] = cpuidLeaf(core, leaf, state.get(GPR + 8));
  const { platform } = core;
  if (platform.cpuid) {
    registers.set([eax, ebx, ecx, edx]);
    platform.cpuid(leaf >>> 0, state.getU(GPR + 8), registers);
    for (let i = 0; i < 4; i++) state.set(SCRATCH + i * 4, registers[i]);
  } else {
    state.setHalves(SCRATCH, eax, ebx);
    state.setHalves(SCRATCH + 8, ecx, edx);
  }
  if (leaf === 1) reportMicrocode(core);
  return 0;
};

export const cpuidRoutines = { cpuid } as const satisfies Record<string, Routine>;
