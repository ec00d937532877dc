// ReferenceAudit: counts all references and type references of all frames anew, from page tables, P2Ms, grants, vCPUs and event arrays,
// and compares with the frame table; and looks at every entry a CPU may walk for what its domain may not see. For tests: it is slow.
// Run it between hypercalls.
import { DOMID_FIRST_RESERVED, DOMID_XEN, EVTCHNSTAT_interdomain } from '@proxeny/abi';
import { PAGE_SIZE } from '@proxeny/memory';
import type { Domain } from './domain.js';
import {
  FRAME_ALLOCATED,
  FRAME_DEVALIDATING,
  FRAME_PINNED,
  FRAME_VALIDATED,
  PageType,
} from './frame/frame-table.js';
import { P2mKind } from './frame/p2m.js';
import {
  ENTRIES_PER_TABLE,
  entryMfn,
  isHypervisorL4Slot,
  isPresent,
  L2_FIRST_HYPERVISOR_SLOT,
  PTE_WRITABLE,
} from './frame/page-table-entry.js';
import type { Hypervisor } from './hypervisor.js';

const WORDS_PER_PAGE = PAGE_SIZE / 4;

class Recount {
  readonly references: Uint32Array;
  readonly types: Uint32Array;
  readonly linear: Int32Array;
  readonly #hypervisor: Hypervisor;
  problem: string | null = null;

  constructor(hypervisor: Hypervisor) {
    const { frameCount } = hypervisor.frames;
    this.#hypervisor = hypervisor;
    this.references = new Uint32Array(frameCount);
    this.types = new Uint32Array(frameCount);
    this.linear = new Int32Array(frameCount);
  }

  fail(problem: string): void {
    this.problem ??= problem;
  }

  add(mfn: number, hasType: boolean): void {
    if (!(mfn < this.references.length))
      this.fail(`frame ${mfn} is referred to and does not exist`);
    this.references[mfn] = (this.references[mfn] as number) + 1;
    if (hasType) this.types[mfn] = (this.types[mfn] as number) + 1;
  }

  /** What the flags of every frame hold, and the entries of every page table. */
  countFrames(): void {
    const { frames } = this.#hypervisor;
    for (let mfn = 0; mfn < frames.frameCount; mfn++) {
      const flags = frames.flags[mfn] as number;
      const owner = frames.owner[mfn] as number;
      if (owner < DOMID_FIRST_RESERVED && !this.#hypervisor.isInUse(owner))
        this.fail(`frame ${mfn} belongs to domain ${owner}, which does not exist`);
      if ((flags & FRAME_ALLOCATED) !== 0) this.add(mfn, false);
      if ((flags & FRAME_PINNED) !== 0) this.add(mfn, true);
      if ((flags & FRAME_DEVALIDATING) !== 0) this.add(mfn, false);
      const isTable = (flags & (FRAME_VALIDATED | FRAME_DEVALIDATING)) !== 0;
      if (isTable) this.#countTable(mfn, frames.type[mfn] as PageType);
    }
  }

  #countTable(mfn: number, type: PageType): void {
    const isTable = type >= PageType.l1 && type <= PageType.l4;
    if (!isTable && type !== PageType.l2WithHypervisor) return;
    const { frames } = this.#hypervisor;
    const { words } = frames.memory;
    const slots = type === PageType.l2WithHypervisor ? L2_FIRST_HYPERVISOR_SLOT : ENTRIES_PER_TABLE;
    for (let slot = 0; slot < slots; slot++) {
      if (type === PageType.l4 && isHypervisorL4Slot(slot)) continue;
      const at = mfn * WORDS_PER_PAGE + slot * 2;
      const low = words[at] as number;
      if (!isPresent(low)) continue;
      const target = entryMfn(low, words[at + 1] as number);
      if (type === PageType.l1) this.#countMapping(mfn, target, (low & PTE_WRITABLE) !== 0);
      else this.#countChild(mfn, type, target);
    }
  }

  #countMapping(table: number, target: number, isWritable: boolean): void {
    const { frames } = this.#hypervisor;
    this.add(target, isWritable);
    const owner = frames.owner[table] as number;
    if (frames.owner[target] === owner) return;
    if (!this.#isGranted(owner, target, isWritable))
      this.fail(`L1 ${table} of domain ${owner} maps frame ${target}, which was not granted`);
  }

  #isGranted(holder: number, mfn: number, isWritable: boolean): boolean {
    const domain = this.#hypervisor.domain(holder);
    if (!domain) return true; // its mappings are gone already, its tables go when their last reference does
    for (const mapping of domain.grants.mappings.all()) {
      if (mapping.mfn === mfn && mapping.isHost && !(isWritable && mapping.isReadOnly)) return true;
    }
    return false;
  }

  #countChild(table: number, type: PageType, target: number): void {
    const { frames } = this.#hypervisor;
    if (frames.owner[target] !== frames.owner[table])
      this.fail(`table ${table} names frame ${target} of another domain as a table`);
    if (target === table) return;
    this.add(target, true);
    if (frames.type[target] !== type) return;
    this.linear[table] = (this.linear[table] as number) - 1;
    this.linear[target] = (this.linear[target] as number) + 1;
  }

  countDomain(domain: Domain): void {
    const { grants, events, p2m } = domain;
    if (domain.pirqEoiFrame !== -1) this.add(domain.pirqEoiFrame, true);
    for (const mfn of [domain.sharedInfoFrame, ...grants.entries.frames]) this.add(mfn, true);
    for (const mfn of grants.entries.statusFrames) this.add(mfn, true);
    for (const mfn of events.fifo?.lentFrames() ?? []) this.add(mfn, true);
    for (const mapping of grants.mappings.all()) {
      if (mapping.isDevice) this.add(mapping.mfn, !mapping.isReadOnly);
    }
    for (let gfn = 0; p2m && gfn <= p2m.highest; gfn++) this.#countGuestFrame(domain, gfn);
    for (const vcpu of domain.vcpus) {
      const { gdtFrames = [], ldtFrames = [] } = vcpu.pv ?? {};
      const roots = [vcpu.userRoot, vcpu.pageWalk?.root ?? -1];
      for (const mfn of [vcpu.infoFrame, ...roots, ...gdtFrames, ...ldtFrames]) {
        if (mfn !== -1) this.add(mfn, true);
      }
    }
    this.#checkChannels(domain);
  }

  #countGuestFrame(domain: Domain, gfn: number): void {
    const { p2m } = domain;
    const mfn = p2m?.mfnOf(gfn) ?? -1;
    if (mfn === -1) return;
    const kind = p2m?.kindOf(gfn);
    this.add(mfn, kind === P2mKind.grantWritable);
    if (this.#hypervisor.frames.owner[mfn] === domain.id && kind === P2mKind.ram) return;
    if (kind === P2mKind.ram || !this.#isGranted(domain.id, mfn, kind === P2mKind.grantWritable))
      this.fail(`guest frame ${gfn} of domain ${domain.id} is frame ${mfn}, which is not its own`);
  }

  #checkChannels(domain: Domain): void {
    for (const channel of domain.events.open()) {
      if (channel.state !== EVTCHNSTAT_interdomain) continue;
      const far = this.#hypervisor.domain(channel.remoteDomain)?.events.at(channel.remotePort);
      const isBack = far?.remoteDomain === domain.id && far.remotePort === channel.port;
      if (far?.state !== EVTCHNSTAT_interdomain || !isBack)
        this.fail(`port ${channel.port} of domain ${domain.id} has no other end`);
    }
  }

  compare(): void {
    const { frames } = this.#hypervisor;
    for (let mfn = 0; mfn < frames.frameCount; mfn++) {
      const owner = frames.owner[mfn] as number;
      const is = [frames.references[mfn], frames.typeReferences[mfn], frames.linear[mfn]];
      const should = [this.references[mfn], this.types[mfn], this.linear[mfn]];
      if (is[0] === should[0] && is[1] === should[1] && is[2] === should[2]) continue;
      if (owner === DOMID_XEN) continue; // the M2P's own mappings are not counted
      this.fail(
        `frame ${mfn} of domain ${owner} counts ${is}; by what refers to it it is ${should}`,
      );
    }
  }
}

/**
 * What does not add up: references, type references and linear uses of a frame that are not those its users hold, an entry that shows
 * a domain a frame it neither owns nor was granted, a channel without its other end. Null if all is well.
 */
export function findMiscount(hypervisor: Hypervisor): string | null {
  const recount = new Recount(hypervisor);
  recount.countFrames();
  for (const mfn of hypervisor.types.parked) recount.add(mfn, true);
  for (const domain of hypervisor.domains) recount.countDomain(domain);
  recount.compare();
  return recount.problem ?? hypervisor.frames.findInconsistency();
}
