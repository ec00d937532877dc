// HostileGuest: a guest without code, whose pages, grants and rings a test fills in byte by byte; and a check that nothing outside of
// what it granted has changed.
import { GTF_permit_access, GTF_readonly } from '@proxeny/abi';
import { type Domain, HostPort } from '@proxeny/hv-core';
import { type Mfn, PAGE_SHIFT } from '@proxeny/memory';
import type { BackendMachine } from './testing-machine.contract.js';

/** Numbers that look random and are the same in every run. */
export class TestRandom {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 1;
  }

  /** 0 to `limit` - 1. */
  below(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % limit;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)] as Item;
  }

  fill(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.below(256);
  }
}

export class HostileGuest {
  readonly domain: Domain;
  readonly machine: BackendMachine;
  /** Guest frames the host may write to. */
  readonly writable: Set<number> = new Set();
  #before: Uint32Array = new Uint32Array(0);

  constructor(machine: BackendMachine, id: number, pages: number) {
    this.machine = machine;
    this.domain = machine.hypervisor.createDomain({ id, kind: 'translated' });
    this.domain.populate(0, pages);
  }

  /** The bytes of guest frame `gfn`. */
  page(gfn: number): Uint8Array {
    return this.machine.hypervisor.memory.frame(this.domain.findOwnFrame(gfn) as Mfn);
  }

  view(gfn: number): DataView {
    const page = this.page(gfn);
    return new DataView(page.buffer, page.byteOffset, page.byteLength);
  }

  grant(ref: number, gfn: number, isReadOnly = false): void {
    const { view } = this.machine.hypervisor.memory;
    const at = this.domain.grants.entries.addressOf(ref);
    view.setUint16(at + 2, 0, true);
    view.setUint32(at + 4, gfn, true);
    view.setUint16(at, GTF_permit_access | (isReadOnly ? GTF_readonly : 0), true);
    if (!isReadOnly) this.writable.add(gfn);
  }

  /** A port of the guest's, bound to the host, and how the guest sends through it. */
  bindPort(): { port: HostPort; send: () => void } {
    const far = this.domain.events.allocUnbound(0);
    const port = HostPort.bind(this.machine.hostDomain, this.domain.id, far.port);
    if (!port) throw new Error('the port cannot be bound');
    return { port, send: () => this.domain.events.send(far) };
  }

  /** Keeps what the machine's memory is. */
  remember(): void {
    this.#before = this.machine.hypervisor.memory.words.slice();
  }

  /** A machine address that has changed in a frame the host may not write to, -1 if there is none. Grant tables and shared_info apart. */
  findForeignWrite(): number {
    const { words } = this.machine.hypervisor.memory;
    const skipped = new Set<number>([...this.writable].map((gfn) => this.domain.findOwnFrame(gfn)));
    for (const mfn of this.domain.grants.entries.frames) skipped.add(mfn);
    for (const { sharedInfoFrame } of this.machine.hypervisor.domains) skipped.add(sharedInfoFrame);
    for (let at = 0; at < words.length; at++) {
      if (words[at] !== this.#before[at] && !skipped.has((at * 4) >>> PAGE_SHIFT)) return at * 4;
    }
    return -1;
  }
}
