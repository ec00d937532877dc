// HostileValues: arguments that look valid: frames, ports, grant references, domains, addresses and page-table entries, mostly the
// guest's own, sometimes others', sometimes nonsense.
import { DOMID_IO, DOMID_SELF, DOMID_XEN } from '@proxeny/abi';
import type { Domain, Vcpu } from '@proxeny/hv-core';
import type { Random } from '../../conformance/native-oracle/random.js';

/** Pages a guest starts with, shared_info among them. */
export const GUEST_PAGES = 28;
/** Where it sees the first frame of its grant table. */
export const GRANT_PAGE = 30;

const entryFlags: readonly number[] = [
  0x67, 0x67, 0x67, 0x65, 0x65, 0x7, 0x5, 0x3, 0x1, 0x1, 0x27, 0x0, 0x60, 0x63, 0x1e7, 0xe7, 0x17,
  0x167, 0x267,
];
const entryHighs: readonly number[] = [0, 0, 0, 0, 0, 0x8000_0000, 0x0010_0000, 0x4000_0000, 0x80];

export class HostileValues {
  readonly random: Random;
  readonly vcpu: Vcpu;
  /** Numbers of domains that live, or did a moment ago. */
  readonly domainIds: readonly number[];
  #own: number[] = [];

  constructor(random: Random, vcpu: Vcpu, domainIds: readonly number[]) {
    this.random = random;
    this.vcpu = vcpu;
    this.domainIds = domainIds;
  }

  get domain(): Domain {
    return this.vcpu.domain;
  }

  /** Looks anew which frames the domain has. */
  refresh(): void {
    const { frames } = this.domain.hypervisor;
    this.#own = [];
    const list = this.domain.frames;
    for (let mfn = list.first, i = 0; i < list.count; i++) {
      this.#own.push(mfn);
      mfn = frames.nextOwned(mfn);
    }
  }

  /** A machine frame. */
  mfn(): number {
    const { random } = this;
    const { frameCount } = this.domain.hypervisor.frames;
    if (this.#own.length > 0 && !random.oneIn(6)) return random.pick(this.#own);
    if (random.oneIn(4)) return frameCount + random.below(8);
    return random.below(frameCount);
  }

  /** A frame as the guest numbers them. */
  frame(): number {
    const { random } = this;
    if (!this.domain.p2m) return this.mfn();
    if (random.oneIn(12)) return random.pick([0x7fff, 0xffff_ffff, 4095, 200, 4096]);
    return random.below(GUEST_PAGES + 12);
  }

  domid(): number {
    const { random } = this;
    if (random.oneIn(3)) return DOMID_SELF;
    if (random.oneIn(12)) return random.pick([DOMID_XEN, DOMID_IO, 0, 77, 0x7fff, 0xffff]);
    return random.pick(this.domainIds);
  }

  port(): number {
    const { random } = this;
    if (random.oneIn(12)) return random.pick([0, 63, 64, 1023, 4095, 0x1ffff, 0xffff_ffff]);
    return random.below(14);
  }

  ref(): number {
    const { random } = this;
    if (random.oneIn(12)) return random.pick([0, 511, 512, 256, 2048, 0xffff_ffff]);
    return random.below(20);
  }

  vcpuId(): number {
    return this.random.oneIn(10)
      ? this.random.pick([2, 31, 32, 0xffff_ffff])
      : this.random.below(2);
  }

  /** A few, or rarely very many. */
  count(): number {
    const { random } = this;
    if (random.oneIn(16)) return random.pick([0, 0x7fff_ffff, 0x8000_0002, 0xffff_ffff, 600, 40]);
    return 1 + random.below(3);
  }

  small(): number {
    const { random } = this;
    if (random.oneIn(20)) return random.u32();
    return random.oneIn(4) ? 1 << random.below(32) : random.below(12);
  }

  /** Where records may be: mostly a page of the guest's for that purpose. */
  recordAddress(): number {
    const { random } = this;
    if (!random.oneIn(10)) return 4096 + random.below(24) * 128;
    return this.address();
  }

  /** A linear address. */
  address(): number {
    const { random } = this;
    const page = random.below(GUEST_PAGES + 10) * 4096;
    if (random.oneIn(10)) {
      return random.pick([
        0,
        page + 4092,
        4096 * 8 - 8,
        0x20_0000,
        0xf580_0000,
        0xffff_fff8,
        -8,
        -0x8000_0000_0000,
        0x8000_0000_0000,
        2 ** 60,
      ]);
    }
    return page + (random.oneIn(2) ? 0 : random.below(512) * 8);
  }

  /** The two halves of a page-table entry. */
  entry(): [low: number, high: number] {
    const { random } = this;
    const mfn = this.mfn();
    const low = ((mfn << 12) | random.pick(entryFlags)) >>> 0;
    return [low, random.pick(entryHighs)];
  }
}
