import {
  GNTST_bad_copy_arg,
  GNTST_bad_domain,
  GNTST_bad_gntref,
  GNTST_general_error,
  GNTST_no_device_space,
  GTF_permit_access,
  GTF_reading,
  GTF_readonly,
  GTF_writing,
} from '@proxeny/abi';
import type { Mfn } from '@proxeny/memory';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Domain } from '../domain.js';
import { MachineMemory } from '../frame/machine-memory.js';
import { Hypervisor } from '../hypervisor.js';
import { ManualClock } from '../time/clock.js';
import { HostGrants, type HostMapping } from './host-grants.js';

const REF = 8;

let hypervisor: Hypervisor;
let host: Domain;
let guest: Domain;
let grants: HostGrants;

/** Fills in entry `ref` of the guest's table. */
function grant(ref: number, flags: number, grantee: number, gfn: number): void {
  const { view } = hypervisor.memory;
  const at = guest.grants.entries.addressOf(ref);
  view.setUint16(at + 2, grantee, true);
  view.setUint32(at + 4, gfn, true);
  view.setUint16(at, flags, true);
}

const flagsOf = (ref: number): number => guest.grants.entries.flags(ref);

function mapped(result: HostMapping | number): HostMapping {
  if (typeof result === 'number') throw new Error(`not mapped: ${result}`);
  return result;
}

beforeEach(() => {
  hypervisor = new Hypervisor({ memory: new MachineMemory(1 << 20), clock: new ManualClock() });
  host = hypervisor.createDomain({ id: 0, kind: 'translated', limits: { maxMappings: 4 } });
  guest = hypervisor.createDomain({ id: 5, kind: 'translated' });
  guest.populate(0, 8);
  grants = new HostGrants(host);
});

describe("the host's grants", () => {
  it('map a page for writing or reading, mark its entry, and let go of it', () => {
    grant(REF, GTF_permit_access, 0, 3);
    const mapping = mapped(grants.map(5, REF, false));
    expect(mapping.mfn).toBe(guest.findOwnFrame(3));
    expect(flagsOf(REF)).toBe(GTF_permit_access | GTF_reading | GTF_writing);
    const second = mapped(grants.map(5, REF, true));
    grants.unmap(mapping);
    expect(flagsOf(REF)).toBe(GTF_permit_access | GTF_reading);
    grants.unmap(second);
    grants.unmap(second);
    expect(flagsOf(REF)).toBe(GTF_permit_access);
    expect(grants.count).toBe(0);
  });

  it('refuse what is not granted so', () => {
    grant(REF, GTF_permit_access | GTF_readonly, 0, 3);
    grant(REF + 1, GTF_permit_access, 7, 3);
    grant(REF + 2, GTF_permit_access, 0, 99);
    expect(grants.map(5, REF, false)).toBe(GNTST_general_error);
    expect(grants.map(5, REF + 1, true)).toBe(GNTST_general_error);
    expect(grants.map(5, REF + 2, true)).toBeLessThan(0);
    expect(grants.map(5, 512, true)).toBe(GNTST_bad_gntref);
    expect(grants.map(5, 0xffff_ffff, true)).toBe(GNTST_bad_gntref);
    expect(grants.map(6, REF, true)).toBe(GNTST_bad_domain);
    expect(grants.count).toBe(0);
  });

  it('end at the limit of the domain they are made for', () => {
    grant(REF, GTF_permit_access, 0, 3);
    const held = [1, 2, 3, 4].map(() => mapped(grants.map(5, REF, false)));
    expect(grants.map(5, REF, false)).toBe(GNTST_no_device_space);
    for (const mapping of held) grants.unmap(mapping);
    expect(grants.count).toBe(0);
  });

  it('hold a frame, and the number of its domain, beyond the end of that domain', () => {
    grant(REF, GTF_permit_access, 0, 3);
    const mapping = mapped(grants.map(5, REF, false));
    hypervisor.memory.frame(mapping.mfn)[0] = 7;
    hypervisor.destroyDomain(guest);
    expect(hypervisor.dyingCount).toBe(1);
    expect(() => hypervisor.createDomain({ id: 5 })).toThrow(/exists already/);
    expect(hypervisor.memory.frame(mapping.mfn)[0]).toBe(7);
    grants.unmap(mapping);
    expect(hypervisor.dyingCount).toBe(0);
    hypervisor.createDomain({ id: 5 });
    expect(hypervisor.frames.findInconsistency()).toBeNull();
  });

  it('go with the domain they are made for', () => {
    grant(REF, GTF_permit_access, 0, 3);
    const mapping = mapped(grants.map(5, REF, false));
    hypervisor.destroyDomain(host);
    expect(flagsOf(REF)).toBe(GTF_permit_access);
    grants.unmap(mapping);
    expect(hypervisor.frames.findInconsistency()).toBeNull();
  });

  it('copy to and from a page without holding it, and tell about the frame they write', () => {
    grant(REF, GTF_permit_access, 0, 3);
    const written: Mfn[] = [];
    hypervisor.memory.onWrite = (mfn) => written.push(mfn);
    expect(grants.copyTo(5, REF, 4094, Uint8Array.of(1, 2))).toBe(0);
    expect(written).toEqual([guest.findOwnFrame(3)]);
    const target = new Uint8Array(2);
    expect(grants.copyFrom(5, REF, 4094, target)).toBe(0);
    expect([...target]).toEqual([1, 2]);
    expect(flagsOf(REF)).toBe(GTF_permit_access);
    expect(grants.copyTo(5, REF, 4095, Uint8Array.of(1, 2))).toBe(GNTST_bad_copy_arg);
    expect(grants.copyFrom(5, REF, -1, target)).toBe(GNTST_bad_copy_arg);
  });

  it('copy nothing to a page that is granted for reading', () => {
    grant(REF, GTF_permit_access | GTF_readonly, 0, 3);
    expect(grants.copyTo(5, REF, 0, Uint8Array.of(1))).toBe(GNTST_general_error);
    expect(grants.copyFrom(5, REF, 0, new Uint8Array(1))).toBe(0);
    expect(hypervisor.memory.frame(guest.findOwnFrame(3) as Mfn)[0]).toBe(0);
  });
});
