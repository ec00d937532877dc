// Looks through a built PV domain as its guest would: every mapped address, every table's type and rights, and what is left of the
// domain when it is gone. Nothing runs.

import { MACH2PHYS_VIRT_START } from '@proxeny/abi';
import {
  type GuestCpu,
  GuestExit,
  Hypervisor,
  MachineMemory,
  ManualClock,
  PageType,
  type Vcpu,
} from '@proxeny/hv-core';
import { type BuiltPv, buildPv, type PvRequest } from '@proxeny/machine';
import { PAGE_SIZE } from '@proxeny/memory';

/** An engine that computes nothing. */
const nobody: GuestCpu = {
  run: () => GuestExit.dead,
  executed: 0,
  hypercallNumber: () => 0,
  hypercallArguments: () => {},
  setHypercallArg: () => {},
  finishHypercall: () => {},
  restartHypercall: () => {},
  upcall: () => {},
};

/** A machine just large enough for one domain, with it. */
export class BuiltDomain {
  readonly hypervisor: Hypervisor;
  readonly built: BuiltPv;
  readonly vcpu: Vcpu;
  readonly #freeBefore: number;

  constructor(request: PvRequest) {
    const memory = new MachineMemory(request.memoryBytes + (4 << 20));
    this.hypervisor = new Hypervisor({ memory, clock: new ManualClock() });
    this.#freeBefore = this.hypervisor.frames.freeCount;
    this.built = buildPv(this.hypervisor, { ...request, domain: { createCpu: () => nobody } });
    this.vcpu = this.built.domain.vcpus[0] as Vcpu;
  }

  /** Addresses of the mapping from VIRT_BASE on that do not lead where they should; the first few. */
  wrongAddresses(): string[] {
    const { layout, image, mfns } = this.built;
    const { frames } = this.hypervisor;
    const wrong: string[] = [];
    const tables = new Set([...layout.tables.tables].map(({ pfn }) => pfn));
    for (let pfn = 0; pfn < layout.mappedPages; pfn++) {
      const address = image.virtualBase + pfn * PAGE_SIZE;
      const mfn = mfns[pfn] as number;
      const isTable = tables.has(pfn);
      const reads = this.vcpu.access.space.translate(address + 5, false);
      const writes = this.vcpu.access.space.translate(address + 5, true);
      if (reads !== mfn * PAGE_SIZE + 5) wrong.push(`${address} reads from ${reads}`);
      if (writes !== (isTable ? -1 : reads)) wrong.push(`${address} writes to ${writes}`);
      if (this.hypervisor.m2p.get(mfn) !== pfn) wrong.push(`M2P of frame ${mfn}`);
      if (!isTable && frames.type[mfn] !== PageType.writable) wrong.push(`type of frame ${mfn}`);
    }
    const end = image.virtualBase + layout.mappedPages * PAGE_SIZE;
    for (const outside of [image.virtualBase - 1, end]) {
      if (this.vcpu.access.space.translate(outside, false) !== -1)
        wrong.push(`${outside} is mapped`);
    }
    return wrong.slice(0, 5);
  }

  /** Tables whose frames are not of the type of their level. */
  wrongTables(): string[] {
    const { layout, mfns, image } = this.built;
    const { types } = this.hypervisor;
    const levels = [PageType.none, PageType.l1, PageType.l2, PageType.l3, PageType.l4];
    return [...layout.tables.tables]
      .filter(({ level, index, pfn }) => {
        const isShared = image.word === 32 && level === 2 && index === 3;
        const type = isShared ? PageType.l2WithHypervisor : (levels[level] as PageType);
        return !types.isValidated(mfns[pfn] as number, type);
      })
      .map(({ level, index }) => `L${level} ${index}`);
  }

  /** What the p2m at its linear address says, word by word, where it is wrong. */
  wrongP2m(): number[] {
    const { layout, image, mfns } = this.built;
    const size = image.word / 8;
    const bytes = this.read(layout.p2m.address, layout.pages * size);
    const view = new DataView(bytes.buffer);
    return mfns.flatMap((mfn, pfn) => (view.getUint32(pfn * size, true) === mfn ? [] : [pfn]));
  }

  /** Frames about which the M2P window, as the guest's page tables map it, says something wrong, or that it could write there. */
  wrongM2pWindow(): number[] {
    const { word } = this.built.image;
    const size = word / 8;
    const start = (MACH2PHYS_VIRT_START[word] + 2 ** 48) % 2 ** 48;
    return this.built.mfns.filter((mfn, pfn) => {
      const at = this.#walk(start + mfn * size);
      return at === -1 || this.hypervisor.memory.view.getUint32(at, true) !== pfn;
    });
  }

  /** The machine address behind a linear one by the bits of page-table entries alone; -1 if not present, or writable. */
  #walk(address: number): number {
    const { view } = this.hypervisor.memory;
    let table = this.built.start.root as number;
    let isWritable = true;
    for (let level = this.built.image.word === 64 ? 4 : 3; level > 0; level--) {
      const slot = Math.floor(address / 2 ** (3 + 9 * level)) % 512;
      const low = view.getUint32(table * PAGE_SIZE + slot * 8, true);
      if ((low & 1) === 0) return -1;
      // The entries of a PAE root have no rights.
      isWritable &&= (low & 2) !== 0 || (level === 3 && this.built.image.word === 32);
      table = low >>> 12;
    }
    return isWritable ? -1 : table * PAGE_SIZE + (address % PAGE_SIZE);
  }

  /** Bytes at a linear address. */
  read(address: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; done += PAGE_SIZE) {
      const part = bytes.subarray(done, Math.min(length, done + PAGE_SIZE));
      if (!this.vcpu.access.copyFrom(address + done, part))
        throw new Error(`${address + done} is not mapped`);
    }
    return bytes;
  }

  /** Destroys the domain; what is left of it, or null. */
  destroy(): string | null {
    this.hypervisor.destroyDomain(this.built.domain);
    const lost = this.#freeBefore - this.hypervisor.frames.freeCount;
    if (this.hypervisor.dyingCount > 0) return 'the domain does not go away';
    return lost === 0 ? this.hypervisor.frames.findInconsistency() : `${lost} frames are lost`;
  }
}
