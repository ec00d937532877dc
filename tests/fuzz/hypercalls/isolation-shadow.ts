// IsolationShadow: watches from outside what one domain's hypercalls did to others. It knows nothing of how the hypervisor checks:
// what may be written it reads from the grant tables themselves, what was written it sees by comparing memory before and after.
import {
  DOMID_FIRST_RESERVED,
  GTF_permit_access,
  GTF_readonly,
  GTF_transitive,
  GTF_type_mask,
} from '@proxeny/abi';
import type { Domain, Hypervisor } from '@proxeny/hv-core';
import { PAGE_SIZE } from '@proxeny/memory';

/** What pages of the bystanders hold that are granted to nobody. */
export const SECRET = 0xa5a5_a5a5;
const WORDS = 1024;
/** frame-table.ts, FRAME_SHARED: a page of the hypervisor's for the guest; the hypervisor writes events and grant flags there. */
const SHARED = 8;

export class IsolationShadow {
  readonly #hypervisor: Hypervisor;
  /** Memory as it was. */
  readonly #before: Uint8Array;
  readonly #owner: Uint16Array;
  /** Frames the running domain may write by somebody's grant. */
  readonly #mayWrite: Uint8Array;
  /** Frames whose owner lent them to the hypervisor. */
  readonly #lent: Uint8Array;

  constructor(hypervisor: Hypervisor) {
    const { frameCount } = hypervisor.frames;
    this.#hypervisor = hypervisor;
    this.#before = new Uint8Array(hypervisor.memory.bytes.byteLength);
    this.#owner = new Uint16Array(frameCount).fill(0xffff);
    this.#mayWrite = new Uint8Array(frameCount);
    this.#lent = new Uint8Array(frameCount);
  }

  begin(): void {
    this.#mayWrite.fill(0);
  }

  /** Before every hypercall of `caller`: what others' grants permit it now. */
  notePermissions(caller: Domain): void {
    for (const domain of this.#hypervisor.domains) {
      if (domain !== caller) this.#noteGrants(domain, caller.id);
    }
    for (const mapping of caller.grants.mappings.all()) {
      if (!mapping.isReadOnly) this.#mayWrite[mapping.mfn] = 1;
    }
  }

  #noteGrants(owner: Domain, caller: number): void {
    const { words } = this.#hypervisor.memory;
    const { entries } = owner.grants;
    const size = entries.version === 1 ? 2 : 4;
    for (const [index, table] of entries.frames.entries()) {
      for (let i = 0; i < WORDS / size; i++) {
        const at = table * WORDS + i * size;
        const head = words[at] as number;
        if ((head & GTF_type_mask) === 0 || head >>> 16 !== caller) continue;
        this.#noteEntry(owner, (index * WORDS) / size + i, at, head);
      }
    }
  }

  #noteEntry(owner: Domain, ref: number, at: number, head: number): void {
    if ((head & GTF_readonly) !== 0) return;
    const { words } = this.#hypervisor.memory;
    const isV1 = owner.grants.version === 1;
    const type = head & GTF_type_mask;
    if (type === GTF_permit_access) {
      this.#permit(owner, words[isV1 ? at + 1 : at + 2] as number);
      // While a grant is in use its frame is the one it had at first, whatever its owner writes.
      const active = owner.grants.active(ref);
      if (active) this.#mayWrite[active.mfn] = 1;
    } else if (type === GTF_transitive && !isV1) {
      const third = this.#hypervisor.domain((words[at + 1] as number) & 0xffff);
      if (third) this.#noteGrants(third, owner.id);
    }
  }

  #permit(owner: Domain, frame: number): void {
    const mfn = owner.p2m ? owner.p2m.mfnOf(frame) : frame;
    if (mfn >= 0 && this.#hypervisor.frames.isOwnedBy(mfn, owner.id)) this.#mayWrite[mfn] = 1;
  }

  #noteLent(): void {
    this.#lent.fill(0);
    for (const domain of this.#hypervisor.domains) {
      for (const vcpu of domain.vcpus) if (vcpu.infoFrame !== -1) this.#lent[vcpu.infoFrame] = 1;
      for (const mfn of domain.events.fifo?.lentFrames() ?? []) this.#lent[mfn] = 1;
    }
  }

  /** After a slice of `caller` (null: somebody was made or destroyed): what it wrote or saw that it must not, or null. */
  findBreach(caller: Domain | null): string | null {
    const { frames, memory } = this.#hypervisor;
    let breach: string | null = null;
    this.#noteLent();
    for (let mfn = 0; mfn < frames.frameCount; mfn++) {
      const owner = frames.owner[mfn] as number;
      if (owner >= DOMID_FIRST_RESERVED) continue;
      const wasOwner = this.#owner[mfn];
      this.#owner[mfn] = owner;
      const now = memory.bytes.subarray(mfn * PAGE_SIZE, (mfn + 1) * PAGE_SIZE);
      const before = this.#before.subarray(mfn * PAGE_SIZE, (mfn + 1) * PAGE_SIZE);
      if (wasOwner !== owner || !caller || owner === caller.id) {
        before.set(now);
        continue;
      }
      if (Buffer.compare(now, before) === 0) continue;
      before.set(now);
      if (!this.#hypervisor.domain(owner)) continue;
      const isOpen = this.#mayWrite[mfn] === 1 || this.#lent[mfn] === 1;
      if (isOpen || ((frames.flags[mfn] as number) & SHARED) !== 0) continue;
      breach ??= `domain ${caller.id} changed frame ${mfn} of domain ${owner}`;
    }
    return breach;
  }

  /** A frame of `domain` that holds a bystander's secret, or null. */
  findSecret(domain: Domain): string | null {
    const { frames, memory } = this.#hypervisor;
    const { frames: list } = domain;
    for (let mfn = list.first, i = 0; i < list.count; i++) {
      if (memory.words.subarray(mfn * WORDS, (mfn + 1) * WORDS).includes(SECRET))
        return `frame ${mfn} of domain ${domain.id} holds what a bystander granted to nobody`;
      mfn = frames.nextOwned(mfn);
    }
    return null;
  }
}
