// Descriptor tables of page-table guests: set_gdt, update_descriptor, MMUEXT_SET_LDT, and what the CPU finds behind a selector.
import {
  __HYPERVISOR_mmuext_op,
  __HYPERVISOR_set_gdt,
  __HYPERVISOR_update_descriptor,
  __HYPERVISOR_update_va_mapping,
  DOMID_SELF,
  MMUEXT_SET_LDT,
  XEN_EBUSY,
  XEN_EFAULT,
  XEN_EINVAL,
} from '@proxeny/abi';
import { PageType } from '@proxeny/hv-core';
import { afterEach, describe, expect, it } from 'vitest';
import { entry, READ_ONLY } from './pv-memory.js';
import { RECORD, TrapMachine } from './trap-machine.js';

let m: TrapMachine;
afterEach(() => expect(m.finish()).toEqual([]));

/** A page for descriptors, its linear address. */
const TABLE_PAGE = 13;
const TABLE = TABLE_PAGE * 4096;
const mfn = (): number => m.memory.mfns[TABLE_PAGE] as number;

/** Flat descriptors as a guest writes them. */
const CODE_64 = 0x00af_9a00_0000_ffffn;
const DATA_0 = 0x00cf_9200_0000_ffffn;
const CODE_32 = 0x00cf_9a00_0000_ffffn;

function mapTable(flags: number): number {
  const value = entry(mfn(), flags);
  return m.word === 64
    ? m.call(__HYPERVISOR_update_va_mapping, TABLE, value, 0)
    : m.call(__HYPERVISOR_update_va_mapping, TABLE, value, 0, 0);
}

/** Writes descriptors and makes the page read only. */
function fill(...descriptors: readonly bigint[]): void {
  m.write64(TABLE, ...descriptors);
  expect(mapTable(READ_ONLY)).toBe(0);
}

function setGdt(entries: number, ...frames: readonly number[]): number {
  if (m.word === 64) m.write64(RECORD, ...frames);
  else m.write32(RECORD, ...frames);
  return m.call(__HYPERVISOR_set_gdt, RECORD, entries);
}

/** What the CPU finds. */
function found(selector: number): bigint | null {
  const at = m.traps.descriptorAt(selector);
  return at < 0 ? null : m.hypervisor.memory.view.getBigUint64(at, true);
}

const updateDescriptor = (at: number, value: bigint): number =>
  m.word === 64
    ? m.call(__HYPERVISOR_update_descriptor, at, value)
    : m.call(__HYPERVISOR_update_descriptor, at, 0, value & 0xffff_ffffn, value >> 32n);

describe.each([32, 64] as const)('set_gdt of a %i-bit guest', (word) => {
  const level = word === 32 ? 1n : 3n;
  const withLevel = (value: bigint): bigint => value | (level << 45n);

  it('takes a frame of descriptors, whose DPL becomes the kernel’s', () => {
    m = new TrapMachine({ word });
    fill(0n, word === 32 ? CODE_32 : CODE_64, DATA_0);
    expect(setGdt(512, mfn())).toBe(0);
    expect(found(8)).toBe(withLevel(word === 32 ? CODE_32 : CODE_64));
    expect(found(0x13)).toBe(withLevel(DATA_0));
    expect(m.hypervisor.types.typeOf(mfn())).toBe(PageType.segmentDescriptors);
  });

  it('keeps the hypervisor’s own descriptors behind', () => {
    m = new TrapMachine({ word });
    const first = found(0xe019);
    fill(0n, DATA_0);
    expect(setGdt(1, mfn())).toBe(0);
    expect(found(0xe019)).toBe(first);
    expect(found(0x1008)).toBeNull();
  });

  it('of a frame that is mapped writable returns -EINVAL', () => {
    m = new TrapMachine({ word });
    expect(setGdt(512, mfn())).toBe(-XEN_EINVAL);
  });

  it('of a frame that then cannot be mapped writable again', () => {
    m = new TrapMachine({ word });
    fill(DATA_0);
    expect(setGdt(512, mfn())).toBe(0);
    expect(mapTable(0x67)).toBe(-XEN_EBUSY);
    expect(setGdt(0)).toBe(0);
    expect(mapTable(0x67)).toBe(0);
  });

  it.each([
    ['a TSS', 0x0000_8900_0000_0067n],
    ['an LDT', 0x0000_8200_0000_0067n],
    ['an interrupt gate', 0x0000_8e00_0008_0000n],
    ['a task gate', 0x0000_8500_0008_0000n],
    ['a call gate to the hypervisor’s code', 0x0000_8c00_e008_0000n],
  ])('with %s in it returns -EINVAL', (_, descriptor) => {
    m = new TrapMachine({ word });
    fill(DATA_0, descriptor);
    expect(setGdt(512, mfn())).toBe(-XEN_EINVAL);
    expect(m.hypervisor.memory.view.getBigUint64(mfn() * 4096, true)).toBe(DATA_0);
  });

  it('lets a call gate be, but for nobody to use', () => {
    m = new TrapMachine({ word });
    fill(0x0000_ec00_0008_1234n);
    expect(setGdt(1, mfn())).toBe(0);
    expect(found(0)).toBe(0x0000_8c00_000b_1234n);
  });

  it('does not mind what is not present', () => {
    m = new TrapMachine({ word });
    fill(0x0000_0900_0000_0067n);
    expect(setGdt(1, mfn())).toBe(0);
  });

  it('of more entries than are the guest’s returns -EINVAL', () => {
    m = new TrapMachine({ word });
    expect(setGdt(14 * 512 + 1, mfn())).toBe(-XEN_EINVAL);
  });

  it('of a list that cannot be read returns -EFAULT', () => {
    m = new TrapMachine({ word });
    expect(m.call(__HYPERVISOR_set_gdt, 0x50_0000, 1)).toBe(-XEN_EFAULT);
  });

  it('of a frame that is not the guest’s returns -EINVAL, and gives the others back', () => {
    m = new TrapMachine({ word });
    fill(DATA_0);
    expect(setGdt(1024, mfn(), 0)).toBe(-XEN_EINVAL);
    expect(mapTable(0x67)).toBe(0);
  });
});

describe('segments of a guest', () => {
  it('of 32 bits cannot be long', () => {
    m = new TrapMachine({ word: 32 });
    fill(CODE_64);
    expect(setGdt(1, mfn())).toBe(-XEN_EINVAL);
  });

  it('of 32 bits that are flat to the hypervisor’s part reach to the end', () => {
    m = new TrapMachine({ word: 32 });
    fill(0x00cf_9200_0000_5800n | (0xfn << 48n));
    expect(setGdt(1, mfn())).toBe(0);
    expect((found(0) as bigint) & 0xffffn).toBe(0xffffn);
  });
});

describe('update_descriptor', () => {
  it('changes a descriptor of the GDT in use', () => {
    m = new TrapMachine();
    fill(DATA_0, DATA_0);
    expect(setGdt(2, mfn())).toBe(0);
    expect(updateDescriptor(mfn() * 4096 + 8, CODE_64)).toBe(0);
    expect(found(8)).toBe(CODE_64 | (3n << 45n));
    expect(updateDescriptor(mfn() * 4096 + 8, 0n)).toBe(0);
    expect(found(8)).toBe(0n);
  });

  it('takes the halves of a 32-bit guest', () => {
    m = new TrapMachine({ word: 32 });
    fill(DATA_0);
    expect(setGdt(1, mfn())).toBe(0);
    expect(updateDescriptor(mfn() * 4096, CODE_32)).toBe(0);
    expect(found(0)).toBe(CODE_32 | (1n << 45n));
  });

  it('writes to a page that is no table as well', () => {
    m = new TrapMachine();
    expect(updateDescriptor(mfn() * 4096, DATA_0)).toBe(0);
    expect(m.read(TABLE, 8)[5]).toBe(0xf2);
  });

  it('at an address that is not aligned returns -EINVAL', () => {
    m = new TrapMachine();
    expect(updateDescriptor(mfn() * 4096 + 4, DATA_0)).toBe(-XEN_EINVAL);
  });

  it('of a TSS returns -EINVAL', () => {
    m = new TrapMachine();
    expect(updateDescriptor(mfn() * 4096, 0x0000_8900_0000_0067n)).toBe(-XEN_EINVAL);
  });

  it('in a page table returns -EINVAL', () => {
    m = new TrapMachine();
    expect(updateDescriptor((m.memory.mfns[8] as number) * 4096, DATA_0)).toBe(-XEN_EINVAL);
  });

  it('in a frame that is not the guest’s returns -EINVAL', () => {
    m = new TrapMachine();
    expect(updateDescriptor(8, DATA_0)).toBe(-XEN_EINVAL);
  });
});

describe('MMUEXT_SET_LDT', () => {
  function setLdt(address: number, entries: number): number {
    if (m.word === 64) m.write64(RECORD, MMUEXT_SET_LDT, address, entries);
    else m.write32(RECORD, MMUEXT_SET_LDT, address, entries);
    return m.call(__HYPERVISOR_mmuext_op, RECORD, 1, 0, DOMID_SELF);
  }

  it('shows descriptors of pages that are mapped read only, as they are used', () => {
    m = new TrapMachine();
    fill(DATA_0, CODE_64);
    expect(setLdt(TABLE, 2)).toBe(0);
    expect(m.hypervisor.types.typeOf(mfn())).toBe(PageType.none);
    expect(found(0x0f)).toBe(CODE_64 | (3n << 45n));
    expect(m.hypervisor.types.typeOf(mfn())).toBe(PageType.segmentDescriptors);
    expect(found(0x17)).toBeNull();
  });

  it('shows nothing of a page that is mapped writable', () => {
    m = new TrapMachine();
    m.write64(TABLE, DATA_0);
    expect(setLdt(TABLE, 1)).toBe(0);
    expect(found(7)).toBeNull();
  });

  it('lets go of its pages when it is replaced', () => {
    m = new TrapMachine();
    fill(DATA_0);
    expect(setLdt(TABLE, 1)).toBe(0);
    expect(found(7)).not.toBeNull();
    expect(setLdt(0, 0)).toBe(0);
    expect(mapTable(0x67)).toBe(0);
  });

  it('lets go of its pages when they are unmapped', () => {
    m = new TrapMachine();
    fill(DATA_0);
    expect(setLdt(TABLE, 1)).toBe(0);
    expect(found(7)).not.toBeNull();
    expect(mapTable(0)).toBe(0);
    expect(m.hypervisor.types.typeOf(mfn())).toBe(PageType.none);
    expect(found(7)).toBeNull();
  });

  it('at an address that is not a page’s returns -EINVAL', () => {
    m = new TrapMachine();
    expect(setLdt(TABLE + 8, 1)).toBe(-XEN_EINVAL);
    expect(setLdt(TABLE + 8, 0)).toBe(0);
  });

  it('of more than 8192 entries returns -EINVAL', () => {
    m = new TrapMachine({ word: 32 });
    expect(setLdt(TABLE, 8193)).toBe(-XEN_EINVAL);
  });
});
