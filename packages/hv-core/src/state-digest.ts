// StateDigest: one string for everything a hypercall could change: memory, frames, channels, grants, vCPUs. For tests of "an error
// changed nothing", and to compare a replay with its record. Clocks and accounts are left out.
import type { Domain } from './domain.js';
import type { Hypervisor } from './hypervisor.js';
import type { Vcpu } from './vcpu.js';

/** A 32-bit hash of words, continued from `seed`. */
function hashWords(words: ArrayLike<number>, seed: number): number {
  let hash = seed | 0;
  for (let i = 0; i < words.length; i++) {
    hash = Math.imul(hash ^ (words[i] as number), 0x01000193);
    hash ^= hash >>> 15;
  }
  return hash;
}

function hashText(text: string, seed: number): number {
  const words = new Uint16Array(text.length);
  for (let i = 0; i < text.length; i++) words[i] = text.charCodeAt(i);
  return hashWords(words, seed);
}

function describeVcpu(vcpu: Vcpu): unknown[] {
  return [
    vcpu.id,
    vcpu.info,
    vcpu.isUp,
    vcpu.isBlocked,
    vcpu.pollPort,
    vcpu.pageWalk?.root,
    vcpu.userRoot,
    [vcpu.ldtAddress, vcpu.ldtEntries],
    vcpu.periodNs,
    vcpu.runstateArea,
    vcpu.timeArea,
    vcpu.singleshot.isSet ? vcpu.singleshot.deadlineNs : null,
    [...vcpu.virqPorts],
    vcpu.domain.events.fifo?.tailsOf(vcpu.id),
    vcpu.pv?.describe(),
    vcpu.upcallVector,
  ];
}

function describeDomain(domain: Domain): unknown[] {
  const channels = [...domain.events.open()].map((channel) => [
    channel.port,
    channel.state,
    channel.notifyVcpu,
    channel.remoteDomain,
    channel.remotePort,
    channel.virq,
    channel.priority,
    channel.isPending,
  ]);
  const map: number[] = [];
  for (let gfn = 0; domain.p2m && gfn <= domain.p2m.highest; gfn++) {
    map.push(domain.p2m.kindOf(gfn), domain.p2m.mfnOf(gfn));
  }
  return [
    domain.id,
    domain.pauseCount,
    domain.shutdownReason,
    domain.shutdownCode,
    [domain.cmosIndex, domain.pciAddress, domain.pirqEoiFrame],
    domain.hvmParams.describe(),
    [...domain.assists].sort(),
    channels,
    domain.events.fifo?.pages,
    hashWords(map, 1),
    hashWords(domain.memoryMap ?? [], 1),
    domain.grants.describe(),
    domain.vcpus.map(describeVcpu),
    [1, 2].map((id) => domain.watchdogs.isInUse(id)),
  ];
}

/** Equal for equal states; different, but for a chance of one in 2^32, for different ones. */
export function stateDigest(hypervisor: Hypervisor): string {
  const { frames, memory } = hypervisor;
  let hash = hashWords(memory.words, 0x811c9dc5);
  hash = hashWords(frames.owner, hash);
  hash = hashWords(frames.references, hash);
  hash = hashWords(frames.type, hash);
  hash = hashWords(frames.typeReferences, hash);
  hash = hashWords(frames.flags, hash);
  hash = hashWords(frames.linear, hash);
  hash = hashText(JSON.stringify([...hypervisor.domains].map(describeDomain)), hash);
  return (hash >>> 0).toString(16);
}
