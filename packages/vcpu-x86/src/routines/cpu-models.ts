// The named CPU models: their features, and how CPUID introduces them. Features are only what this CPU really executes.
import type { CpuModel } from '../cpu-model.js';

/** How a model presents itself. */
export interface CpuIdentity {
  /** CPUID.1:EAX. */
  readonly signature: number;
  /** Highest basic and extended leaf. */
  readonly maxLeaf: number;
  readonly maxExtended: number;
  /** CPUID.2: EAX, EBX, ECX, EDX. */
  readonly cacheDescriptors: readonly [number, number, number, number];
  readonly brand: string;
}

const base486 = ['fpu', 'hypervisor'];
const pentium3 = [
  ...base486,
  'de',
  'pse',
  'tsc',
  'msr',
  'pae',
  'mce',
  'cx8',
  'apic',
  'sep',
  'mtrr',
  'pge',
  'cmov',
  'pat',
  'pse36',
  'mmx',
  'fxsr',
  'sse',
  'nopl',
];
const core2 = [
  ...pentium3,
  'clfsh',
  'sse2',
  'sse3',
  'ssse3',
  'cx16',
  'lm',
  'nx',
  'syscall',
  'constantTsc',
  'archCapabilities',
  'specCtrl',
];
const v2 = [...core2, 'sse41', 'sse42', 'popcnt', 'rdtscp', 'x2apic', 'tscDeadline'];
const max = [
  ...v2,
  'movbe',
  'fsgsbase',
  'smep',
  'smap',
  'umip',
  'invpcid',
  'xsave',
  'gbPages',
  'lzcnt',
  'rdrand',
  'rdseed',
];

const models: Readonly<Record<string, readonly string[]>> = {
  '486': base486,
  pentium3,
  core2,
  'x86-64-v2': v2,
  max,
};

const modern: readonly [number, number, number, number] = [0x76036301, 0x00f0b5ff, 0, 0x00c30000];
const identities: Readonly<Record<string, CpuIdentity>> = {
  '486': {
    signature: 0x483,
    maxLeaf: 1,
    maxExtended: 0,
    cacheDescriptors: [0, 0, 0, 0],
    brand: '',
  },
  pentium3: {
    signature: 0x686,
    maxLeaf: 2,
    maxExtended: 0,
    cacheDescriptors: [0x03020101, 0, 0, 0x0c040843],
    brand: '',
  },
  core2: {
    signature: 0x6fb,
    maxLeaf: 0xb,
    maxExtended: 0x80000008,
    cacheDescriptors: modern,
    brand: 'Proxeny Core 2 CPU',
  },
  'x86-64-v2': {
    signature: 0x106a5,
    maxLeaf: 0x16,
    maxExtended: 0x80000008,
    cacheDescriptors: modern,
    brand: 'Proxeny x86-64-v2 CPU',
  },
  max: {
    signature: 0x806f8,
    maxLeaf: 0x16,
    maxExtended: 0x80000008,
    cacheDescriptors: modern,
    brand: 'Proxeny CPU',
  },
};

/** Names of the models, from the oldest to the one with everything. */
export const cpuModelNames: readonly string[] = Object.keys(models);

/** A model by name, or undefined. `changes` add (`+name`) or remove (`-name`) features. */
export function cpuModel(name: string, changes: readonly string[] = []): CpuModel | undefined {
  const features = models[name];
  if (features === undefined) return undefined;
  const set = new Set(features);
  for (const change of changes) {
    if (change.startsWith('-')) set.delete(change.slice(1));
    else set.add(change.replace(/^\+/, ''));
  }
  return { name, features: set };
}

/** How a model introduces itself; models of other names look like `max`. */
export const identityOf = (model: CpuModel): CpuIdentity =>
  identities[model.name] ?? identities.max;
