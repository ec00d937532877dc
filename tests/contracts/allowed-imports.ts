// The table of allowed edges: who may import whom. boundaries.test.ts holds sources and package.json to it; ARCHITECTURE.md draws the same
// picture. An edge is added here first, with a reason in the commit.

/**
 * A place is a package, or a folder or file of its `src/`; a file belongs to the longest place that holds it (a file
 * `evaluate-simd` to the place `evaluate`, if it has no row of its own). A place may
 * import itself and what its row lists: places, `npm:` packages, `node:` (any Node module). A package's own row also covers
 * every place of that package. Naming another package covers its subpath exports; naming a subpath covers only that one.
 */
export const allowed: Readonly<Record<string, readonly string[]>> = {
  memory: [],

  abi: ['memory'],

  'vcpu-x86': ['memory'],
  'vcpu-x86/isa': [],
  // The state page: one layout for TypeScript and WebAssembly, no behaviour.
  'vcpu-x86/state': ['memory'],
  'vcpu-x86/fault': ['vcpu-x86/state'],
  // 80-bit and IEEE arithmetic on plain numbers; its oracle is for tests, which may import anything of their package.
  'vcpu-x86/float': [],
  'vcpu-x86/float/native': ['vcpu-x86/float', 'node:'],
  'vcpu-x86/exit': [],
  // A clock and its sums, for whoever generates code.
  'vcpu-x86/compile-times': [],
  'vcpu-x86/platform': ['memory', 'vcpu-x86/exit'],
  'vcpu-x86/ir': ['vcpu-x86/isa', 'vcpu-x86/state'],
  // The reference evaluator: runs IR against a CPU's state and memory, so it stands above the rest of `ir`.
  'vcpu-x86/ir/evaluate': [
    'vcpu-x86/fault',
    'vcpu-x86/ir',
    'vcpu-x86/isa',
    'vcpu-x86/mmu',
    'vcpu-x86/state',
  ],
  'vcpu-x86/semantics': ['vcpu-x86/fault', 'vcpu-x86/isa', 'vcpu-x86/ir', 'vcpu-x86/state'],
  'vcpu-x86/asm': ['vcpu-x86/isa'],
  'vcpu-x86/wasm': ['vcpu-x86/ir', 'vcpu-x86/mmu/tlb', 'vcpu-x86/state'],
  'vcpu-x86/mmu': [
    'memory',
    'vcpu-x86/exit',
    'vcpu-x86/fault',
    'vcpu-x86/mmu/tlb',
    'vcpu-x86/mmu/page-marks',
    'vcpu-x86/platform',
    'vcpu-x86/state',
  ],
  // The layout of a TLB entry, which inline probes share.
  'vcpu-x86/mmu/tlb': [
    'vcpu-x86/mmu/code-pages',
    'vcpu-x86/mmu/page-marks',
    'vcpu-x86/mmu/victims',
  ],
  'vcpu-x86/mmu/code-pages': [],
  'vcpu-x86/mmu/page-marks': [],
  'vcpu-x86/mmu/victims': [],
  'vcpu-x86/block': [
    'memory',
    'vcpu-x86/compile-times',
    'vcpu-x86/core',
    'vcpu-x86/isa',
    'vcpu-x86/ir',
    'vcpu-x86/mmu',
    'vcpu-x86/mmu/tlb',
    'vcpu-x86/semantics',
    'vcpu-x86/state',
  ],
  // What tiers and routines share: state page, MMU, model and platform of one virtual CPU.
  'vcpu-x86/core': [
    'memory',
    'vcpu-x86/cpu-model',
    'vcpu-x86/exit',
    'vcpu-x86/fault',
    'vcpu-x86/mmu',
    'vcpu-x86/mmu/tlb',
    'vcpu-x86/platform',
    'vcpu-x86/semantics',
    'vcpu-x86/state',
  ],
  'vcpu-x86/routines': [
    'memory',
    'vcpu-x86/core',
    'vcpu-x86/cpu-model',
    'vcpu-x86/exit',
    'vcpu-x86/fault',
    'vcpu-x86/float',
    'vcpu-x86/isa',
    'vcpu-x86/mmu',
    'vcpu-x86/mmu/tlb',
    'vcpu-x86/platform',
    'vcpu-x86/state',
  ],
  // Hot regions: what they are made of and how they become WebAssembly; knows no tier.
  'vcpu-x86/region': [
    'vcpu-x86/compile-times',
    'vcpu-x86/ir',
    'vcpu-x86/isa',
    'vcpu-x86/mmu/tlb',
    'vcpu-x86/semantics',
    'vcpu-x86/state',
    'vcpu-x86/wasm',
  ],
  // That alone, for a helper's thread: no CPU, no tier.
  'vcpu-x86/compiler': ['vcpu-x86/region'],
  'vcpu-x86/cpu-model': ['vcpu-x86/isa'],
  'vcpu-x86/tier': [
    'memory',
    'vcpu-x86/block',
    'vcpu-x86/compile-times',
    'vcpu-x86/core',
    'vcpu-x86/exit',
    'vcpu-x86/fault',
    'vcpu-x86/float',
    'vcpu-x86/ir',
    'vcpu-x86/ir/evaluate',
    'vcpu-x86/isa',
    'vcpu-x86/mmu',
    'vcpu-x86/platform',
    'vcpu-x86/region',
    'vcpu-x86/routines',
    'vcpu-x86/semantics',
    'vcpu-x86/state',
    'vcpu-x86/wasm',
  ],
  'vcpu-x86/debug': [
    'memory',
    'vcpu-x86/asm',
    'vcpu-x86/core',
    'vcpu-x86/exit',
    'vcpu-x86/isa',
    'vcpu-x86/mmu',
    'vcpu-x86/state',
  ],

  virtio: ['memory'],
  'virtio/spec': [],
  'virtio/saved-state': [],
  // The driver's side knows no device: guests may be built with it alone.
  'virtio/driver': ['memory', 'virtio/spec'],
  'virtio/queue': ['memory', 'virtio/saved-state', 'virtio/spec'],
  'virtio/device': ['virtio/queue', 'virtio/saved-state', 'virtio/spec'],
  // Transports know devices by their interface only, and devices no transport.
  'virtio/transport': ['virtio/device', 'virtio/saved-state', 'virtio/spec'],
  // Its registers lie in the driver's memory, as queues do.
  'virtio/transport/channel': [
    ...['memory', 'virtio/device', 'virtio/queue'],
    ...['virtio/saved-state', 'virtio/spec', 'virtio/transport'],
  ],
  // Devices: each asks its back-end for what it needs by an interface of its own.
  'virtio/blk': ['virtio/device', 'virtio/queue', 'virtio/saved-state', 'virtio/spec'],
  'virtio/net': ['virtio/device', 'virtio/queue', 'virtio/saved-state', 'virtio/spec'],
  'virtio/console': ['virtio/device', 'virtio/queue', 'virtio/saved-state', 'virtio/spec'],
  // Files as servers of all protocols show them, and the devices that carry such protocols.
  'virtio/files': ['virtio/device', 'virtio/queue', 'virtio/saved-state', 'virtio/spec'],
  'virtio/fs': ['virtio/files', 'virtio/spec'],
  'virtio/p9': ['virtio/files', 'virtio/spec'],
  'virtio/balloon': ['virtio/device', 'virtio/queue', 'virtio/saved-state', 'virtio/spec'],
  'virtio/vsock': ['virtio/device', 'virtio/queue', 'virtio/saved-state', 'virtio/spec'],
  'virtio/input': ['virtio/device', 'virtio/queue', 'virtio/saved-state', 'virtio/spec'],
  // Its pictures' pixels lie in the driver's memory beside the queues.
  'virtio/gpu': ['memory', 'virtio/device', 'virtio/queue', 'virtio/saved-state', 'virtio/spec'],
  'virtio/rng': ['virtio/device', 'virtio/saved-state', 'virtio/spec'],
  'virtio/testing': [
    'memory',
    'virtio/blk',
    'virtio/device',
    'virtio/driver',
    'virtio/files',
    'virtio/queue',
    'virtio/spec',
    'virtio/transport',
    'virtio/vsock',
    'virtio/transport/channel',
  ],

  'hv-core': ['abi', 'memory'],

  'pv-guest': ['abi', 'memory', 'vcpu-x86/asm', 'virtio/driver'],

  machine: ['abi', 'hv-core', 'memory', 'pv-guest', 'vcpu-x86', 'virtio'],
  // Parts of the package's index, for programs that need no more of it.
  'machine/exports': [],
  'machine/exports/pc': [
    ...['machine', 'machine/config', 'machine/control-method', 'machine/guest-sampler'],
    ...['machine/host', 'machine/loader', 'machine/machine-end', 'machine/machine-statistics'],
    ...['machine/network', 'machine/process-library', 'machine/storage', 'machine/virtio'],
  ],
  'machine/exports/xen': [
    ...['machine/xen/backend-host', 'machine/xen/backend-store', 'machine/xen/block'],
    ...['machine/xen/build', 'machine/xen/console', 'machine/xen/guest'],
    ...['machine/xen/message-log', 'machine/xen/net', 'machine/xen/shared-page'],
    ...['machine/xen/store', 'machine/xen/store-methods', 'machine/xen/toolstack'],
    ...['machine/xen/trace', 'machine/xen/xenbus'],
  ],
  'machine/device': [],
  'machine/clock': [],
  'machine/state-reader': [],
  'machine/timer-queue': ['machine/clock'],
  'machine/bus': ['memory', 'machine/device'],
  // Board devices: no CPU, and of the machine only the interfaces and what time and saved state are made of.
  'machine/pc': [
    'memory',
    'machine/device',
    'machine/clock',
    'machine/state-reader',
    'machine/timer-queue',
  ],
  // Virtio devices as cards for the PC's bus, over the same back-ends as Xen's.
  'machine/virtio': [
    ...['virtio', 'machine/control-method'],
    ...['machine/network', 'machine/pc', 'machine/storage'],
  ],
  // Joins a device to a bus for whoever wires the board; devices themselves get a callback.
  'machine/pc/bus-window': ['machine/bus', 'machine/device'],
  // A decoder of LZ4 is a WebAssembly function, which the CPU's encoder writes.
  'machine/loader': ['abi', 'memory', 'npm:fflate', 'npm:fzstd', 'vcpu-x86/wasm'],
  // Paravirtual machines. The domain builder puts images into domains and knows no CPU.
  'machine/xen': [],
  'machine/xen/build': ['abi', 'hv-core', 'memory', 'machine/loader', 'machine/pc'],
  'machine/config': [],
  // Configuration files become records; nothing is opened or built.
  'machine/xen/config': ['machine/config', 'npm:yaml', 'npm:zod'],
  // The only place that knows both the microkernel and the CPU.
  'machine/xen/cpu': [
    ...['abi', 'hv-core', 'memory', 'vcpu-x86'],
    ...['machine/guest-sampler', 'machine/pc', 'machine/timer-queue'],
  ],
  // Looks on at hypercalls.
  'machine/xen/trace': ['abi', 'hv-core', 'memory'],
  // A guest's machine with its services: the wiring.
  'machine/xen/guest': [
    ...['abi', 'hv-core', 'memory', 'vcpu-x86', 'virtio'],
    ...['machine/fault-text', 'machine/host', 'machine/loader', 'machine/machine-end'],
    ...['machine/guest-sampler', 'machine/machine-statistics'],
    ...['machine/process-library', 'machine/run-loop'],
    ...['machine/network', 'machine/storage', 'machine/xen/backend-host'],
    ...['machine/xen/block', 'machine/xen/build', 'machine/xen/net'],
    ...['machine/xen/console', 'machine/xen/cpu', 'machine/xen/shared-page'],
    ...['machine/xen/store', 'machine/xen/store-methods', 'machine/xen/toolstack'],
    ...['machine/control-method', 'machine/xen/message-log', 'machine/xen/xenbus'],
    'machine/xen/virtio',
    'machine/timer-queue',
  ],
  'machine/machine-end': [],
  'machine/process-library': ['vcpu-x86'],
  // Where the time of a guest goes, whatever kind of machine it has.
  'machine/guest-sampler': ['vcpu-x86'],
  'machine/machine-statistics': ['vcpu-x86', 'machine/guest-sampler'],
  'machine/fault-text': ['vcpu-x86'],
  'machine/run-loop': ['machine/host'],
  // The board wires devices to buses; the PC's memory is the CPU's second stage too.
  'machine/pc-board': [
    'memory',
    'machine/bus',
    'machine/pc',
    'machine/pc/bus-window',
    'machine/timer-queue',
  ],
  'machine/pc-memory': ['memory', 'vcpu-x86', 'machine/loader'],
  // What disks are made of: shared by all devices that show one, so it knows none of them; what unpacks compressed clusters.
  'machine/storage': ['npm:fflate', 'npm:fzstd'],
  // What frames go through: shared by all network devices, so it knows none of them.
  'machine/network': ['machine/clock', 'machine/timer-queue'],
  // Services for paravirtual guests know no hypervisor: they get a page and an event channel.
  'machine/xen/shared-page': [],
  // What other processes may ask of a machine: methods by name, which the host's socket carries.
  'machine/control-method': [],
  'machine/xen/store-methods': ['machine/control-method', 'machine/xen/store'],
  'machine/xen/message-log': ['machine/control-method'],
  'machine/xen/store': ['abi', 'machine/xen/shared-page'],
  'machine/xen/console': ['abi', 'machine/xen/shared-page'],
  'machine/xen/toolstack': ['abi', 'machine/xen/store'],
  'machine/xen/testing': ['abi', 'machine/xen/shared-page', 'machine/xen/store'],
  // Back-ends of Xen's split drivers: they know guests by their grants and events only, and no CPU.
  'machine/xen/backend-store': [],
  'machine/xen/backend-host': ['hv-core', 'machine/xen/backend-store'],
  'machine/xen/ring': ['abi', 'hv-core', 'memory'],
  'machine/xen/xenbus': ['abi', 'machine/xen/backend-host', 'machine/xen/backend-store'],
  'machine/xen/block': [
    'abi',
    'hv-core',
    'memory',
    'machine/storage',
    'machine/xen/backend-host',
    'machine/xen/ring',
    'machine/xen/xenbus',
  ],
  'machine/xen/virtio': [
    ...['hv-core', 'memory', 'virtio'],
    ...['machine/xen/backend-host', 'machine/xen/xenbus'],
  ],
  'machine/xen/net': [
    'abi',
    'hv-core',
    'memory',
    'machine/network',
    'machine/xen/backend-host',
    'machine/xen/ring',
    'machine/xen/xenbus',
  ],
  // The only place outside of the command line that touches Node.
  'machine/host': [
    'memory',
    'machine/control-method',
    'machine/device',
    'machine/clock',
    'machine/network',
    'machine/storage',
    // The store of compiled regions, and the helper that compiles them: types, and the compiler in its thread.
    'vcpu-x86',
    // Folders of the host's, as the files of a 9P server.
    'virtio',
    'node:',
  ],

  cli: ['machine', 'pv-guest', 'vcpu-x86', 'npm:commander', 'node:'],
};
