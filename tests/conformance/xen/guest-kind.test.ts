// Hypercalls that depend on the kind of domain that makes them: physdev_op, hvm_op, and those of the control domain, each with what an
// ordinary page-table or translated guest gets.
import {
  __HYPERVISOR_arch_0,
  __HYPERVISOR_argo_op,
  __HYPERVISOR_callback_op,
  __HYPERVISOR_dm_op,
  __HYPERVISOR_domctl,
  __HYPERVISOR_event_channel_op_compat,
  __HYPERVISOR_hvm_op,
  __HYPERVISOR_hypfs_op,
  __HYPERVISOR_iret,
  __HYPERVISOR_kexec_op,
  __HYPERVISOR_physdev_op,
  __HYPERVISOR_physdev_op_compat,
  __HYPERVISOR_platform_op,
  __HYPERVISOR_set_trap_table,
  __HYPERVISOR_sysctl,
  __HYPERVISOR_tmem_op,
  __HYPERVISOR_xenpmu_op,
  __HYPERVISOR_xsm_op,
  DOMID_SELF,
  EVTCHNOP_alloc_unbound,
  HVM_PARAM_CALLBACK_IRQ,
  HVM_PARAM_CONSOLE_EVTCHN,
  HVM_PARAM_CONSOLE_PFN,
  HVM_PARAM_IDENT_PT,
  HVM_PARAM_STORE_PFN,
  HVM_PARAM_X87_FIP_WIDTH,
  HVMOP_altp2m,
  HVMOP_get_mem_type,
  HVMOP_get_param,
  HVMOP_get_time,
  HVMOP_set_evtchn_upcall_vector,
  HVMOP_set_param,
  PHYSDEVOP_alloc_irq_vector,
  PHYSDEVOP_apic_read,
  PHYSDEVOP_eoi,
  PHYSDEVOP_IRQ_UNMASK_NOTIFY,
  PHYSDEVOP_irq_status_query,
  PHYSDEVOP_manage_pci_add,
  PHYSDEVOP_map_pirq,
  PHYSDEVOP_pirq_eoi_gmfn_v2,
  PHYSDEVOP_set_iobitmap,
  PHYSDEVOP_set_iopl,
  PHYSDEVOP_setup_gsi,
  PHYSDEVOP_unmap_pirq,
  XEN_E2BIG,
  XEN_EACCES,
  XEN_EBUSY,
  XEN_EFAULT,
  XEN_EINVAL,
  XEN_ENODATA,
  XEN_ENOENT,
  XEN_ENOSYS,
  XEN_EOPNOTSUPP,
  XEN_EPERM,
  XEN_ESRCH,
  xen_hvm_evtchn_upcall_vector,
  xen_hvm_get_mem_type,
  xen_hvm_get_time,
  xen_hvm_param,
} from '@proxeny/abi';
import type { NativeCode, NativeGuest } from '@proxeny/pv-guest';
import { afterEach, describe, expect, it } from 'vitest';
import { BYSTANDER, hypercallContract } from './conformance-case.js';
import { RECORD, TrapMachine } from './trap-machine.js';

describe('physdev_op of a page-table guest', () => {
  let m: TrapMachine;
  afterEach(() => expect(m.finish()).toEqual([]));
  const start = (word: 32 | 64 = 64): void => {
    m = new TrapMachine({ word });
  };
  const op = (command: number, ...words: readonly number[]): number => {
    m.write32(RECORD, ...words);
    return m.call(__HYPERVISOR_physdev_op, command, RECORD);
  };

  it('set_iopl takes 0 to 3', () => {
    start();
    expect(op(PHYSDEVOP_set_iopl, 3)).toBe(0);
    expect(m.pv.ioLevel).toBe(3);
    expect(op(PHYSDEVOP_set_iopl, 4)).toBe(-XEN_EINVAL);
  });

  it('set_iobitmap takes a place of the guest’s and up to 65536 ports', () => {
    start();
    expect(op(PHYSDEVOP_set_iobitmap, 0x5000, 0, 65_536)).toBe(0);
    expect([m.pv.ioBitmap, m.pv.ioPorts]).toEqual([0x5000, 65_536]);
    expect(op(PHYSDEVOP_set_iobitmap, 0x5000, 0, 65_537)).toBe(-XEN_EINVAL);
    expect(op(PHYSDEVOP_set_iobitmap, 0, 0xffff_8000, 8)).toBe(-XEN_EINVAL);
  });

  it('pirq_eoi_gmfn takes one page that can be written', () => {
    start();
    expect(op(PHYSDEVOP_pirq_eoi_gmfn_v2, m.memory.mfns[8] as number, 0)).toBe(-XEN_EINVAL);
    expect(op(PHYSDEVOP_pirq_eoi_gmfn_v2, m.memory.mfns[5] as number, 0)).toBe(0);
    expect(op(PHYSDEVOP_pirq_eoi_gmfn_v2, m.memory.mfns[6] as number, 0)).toBe(-XEN_EBUSY);
  });

  it('irq_status_query says that an EOI is needed', () => {
    start();
    expect(op(PHYSDEVOP_irq_status_query, 5, 0)).toBe(0);
    expect(m.read(RECORD, 8)[4]).toBe(1);
    expect(op(PHYSDEVOP_irq_status_query, 48, 0)).toBe(-XEN_EINVAL);
  });

  it.each([
    ['eoi', PHYSDEVOP_eoi, -XEN_EINVAL],
    ['IRQ_UNMASK_NOTIFY', PHYSDEVOP_IRQ_UNMASK_NOTIFY, 0],
    ['map_pirq', PHYSDEVOP_map_pirq, -XEN_ESRCH],
    ['unmap_pirq', PHYSDEVOP_unmap_pirq, -XEN_ESRCH],
    ['apic_read', PHYSDEVOP_apic_read, -XEN_EPERM],
    ['alloc_irq_vector', PHYSDEVOP_alloc_irq_vector, -XEN_EPERM],
    ['manage_pci_add', PHYSDEVOP_manage_pci_add, -XEN_EPERM],
    ['setup_gsi', PHYSDEVOP_setup_gsi, -XEN_EPERM],
    ['99', 99, -XEN_ENOSYS],
  ])('%s is answered as for a domain without devices', (_, command, expected) => {
    start();
    expect(op(command, 77, 0, 0, 0, 0, 0, 0, 0, 0, 0)).toBe(expected);
  });

  it('map_pirq for itself returns -EPERM', () => {
    start();
    expect(op(PHYSDEVOP_map_pirq, DOMID_SELF)).toBe(-XEN_EPERM);
  });

  it('that cannot be read returns -EFAULT', () => {
    start();
    expect(m.call(__HYPERVISOR_physdev_op, PHYSDEVOP_set_iopl, 0x50_0000)).toBe(-XEN_EFAULT);
  });

  it('has an older form with the number in the record', () => {
    start();
    m.write64(RECORD, PHYSDEVOP_set_iopl, 2, 0, 0);
    expect(m.call(__HYPERVISOR_physdev_op_compat, RECORD)).toBe(0);
    expect(m.pv.ioLevel).toBe(2);
    expect(m.call(__HYPERVISOR_physdev_op_compat, 0x50_0000)).toBe(-XEN_EFAULT);
  });

  it('has, like event_channel_op, an older form that answers in the record', () => {
    start();
    m.write32(RECORD, EVTCHNOP_alloc_unbound, 0, 0, 0, 0, 0, 0, 0);
    m.write(RECORD + 4, [0xf0, 0x7f, 0xf0, 0x7f]);
    expect(m.call(__HYPERVISOR_event_channel_op_compat, RECORD)).toBe(0);
    expect(m.read(RECORD + 8, 4)[0]).toBe(1);
    m.write32(RECORD, 10);
    expect(m.call(__HYPERVISOR_event_channel_op_compat, RECORD)).toBe(-XEN_ENOSYS);
  });
});

const setParam = (g: NativeGuest, index: number, value: number, domid: number = DOMID_SELF) =>
  hvmOp(g, HVMOP_set_param, { domid, index, value });
function* hvmOp(
  g: NativeGuest,
  command: number,
  values: { domid: number; index: number; value: number },
): NativeCode<number> {
  return (yield* g.operation(__HYPERVISOR_hvm_op, command, xen_hvm_param, values)).result;
}
function* getParam(g: NativeGuest, index: number, domid = DOMID_SELF): NativeCode<unknown> {
  const values = { domid, index };
  const answer = yield* g.operation(__HYPERVISOR_hvm_op, HVMOP_get_param, xen_hvm_param, values);
  return answer.result === 0 ? answer.get('value') : answer.result;
}

describe('hvm_op of a translated guest', () => {
  hypercallContract([
    [
      'set_param of the callback is read back',
      0x102_0304,
      function* (g) {
        yield* setParam(g, HVM_PARAM_CALLBACK_IRQ, 0x102_0304);
        return yield* getParam(g, HVM_PARAM_CALLBACK_IRQ);
      },
    ],
    [
      'get_param of the console’s frame is 0 at first',
      0,
      (g) => getParam(g, HVM_PARAM_CONSOLE_PFN),
    ],
    [
      'set_param of the console’s port returns 0',
      0,
      (g) => setParam(g, HVM_PARAM_CONSOLE_EVTCHN, 3),
    ],
    [
      'set_param of xenstore’s frame returns -EPERM',
      -XEN_EPERM,
      (g) => setParam(g, HVM_PARAM_STORE_PFN, 3),
    ],
    [
      'get_param of the identity map returns -EPERM',
      -XEN_EPERM,
      (g) => getParam(g, HVM_PARAM_IDENT_PT),
    ],
    ['get_param of a retired number returns -EINVAL', -XEN_EINVAL, (g) => getParam(g, 13)],
    ['get_param beyond all returns -EINVAL', -XEN_EINVAL, (g) => getParam(g, 39)],
    [
      'set_param of an x87 width of 5 returns -EINVAL',
      -XEN_EINVAL,
      (g) => setParam(g, HVM_PARAM_X87_FIP_WIDTH, 5),
    ],
    [
      'set_param of a domain that does not exist returns -ESRCH',
      -XEN_ESRCH,
      (g) => setParam(g, HVM_PARAM_CALLBACK_IRQ, 0, 77),
    ],
    [
      'set_param of another domain returns -EPERM',
      -XEN_EPERM,
      (g) => setParam(g, HVM_PARAM_CALLBACK_IRQ, 0, BYSTANDER),
    ],
    [
      'get_time tells system time',
      [0, 0],
      function* (g) {
        const { result, get } = yield* g.operation(
          __HYPERVISOR_hvm_op,
          HVMOP_get_time,
          xen_hvm_get_time,
          {},
        );
        return [result, get('now')];
      },
    ],
    [
      'set_evtchn_upcall_vector returns 0, -EINVAL below 16, -ENOENT for no vCPU',
      [0, -XEN_EINVAL, -XEN_ENOENT],
      function* (g) {
        const results: number[] = [];
        for (const [vcpu, vector] of [
          [0, 0xf3],
          [0, 0xf],
          [9, 0xf3],
        ] as const) {
          const { result } = yield* g.operation(
            __HYPERVISOR_hvm_op,
            HVMOP_set_evtchn_upcall_vector,
            xen_hvm_evtchn_upcall_vector,
            { vcpu, vector },
          );
          results.push(result);
        }
        return results;
      },
    ],
    [
      'get_mem_type tells memory from nothing',
      [0, 2],
      function* (g) {
        const types: number[] = [];
        for (const pfn of [1, 999]) {
          const { get } = yield* g.operation(
            __HYPERVISOR_hvm_op,
            HVMOP_get_mem_type,
            xen_hvm_get_mem_type,
            { domid: DOMID_SELF, pfn },
          );
          types.push(get('mem_type'));
        }
        return types;
      },
    ],
    [
      'altp2m returns -EOPNOTSUPP',
      -XEN_EOPNOTSUPP,
      (g) => g.hypercall(__HYPERVISOR_hvm_op, HVMOP_altp2m, 0),
    ],
    [
      'an unknown number returns -ENOSYS',
      -XEN_ENOSYS,
      (g) => g.hypercall(__HYPERVISOR_hvm_op, 99, 0),
    ],
    [
      'that cannot be read returns -EFAULT',
      -XEN_EFAULT,
      (g) => g.hypercall(__HYPERVISOR_hvm_op, HVMOP_get_param, 0x5000_0000),
    ],
  ]);
});

describe('hypercalls of page-table guests', () => {
  hypercallContract(
    [
      __HYPERVISOR_set_trap_table,
      __HYPERVISOR_callback_op,
      __HYPERVISOR_iret,
      __HYPERVISOR_physdev_op,
      __HYPERVISOR_kexec_op,
    ].map((number) => [
      `return -ENOSYS to a translated one: ${number}`,
      -XEN_ENOSYS,
      (g) => g.hypercall(number, 0, 0),
    ]),
  );

  it('that are a translated one’s return -EINVAL', () => {
    const m = new TrapMachine();
    m.write64(RECORD, DOMID_SELF, 0, 0);
    expect(m.call(__HYPERVISOR_hvm_op, HVMOP_get_param, RECORD)).toBe(-XEN_EINVAL);
    expect(m.call(__HYPERVISOR_hvm_op, HVMOP_set_evtchn_upcall_vector, 0)).toBe(-XEN_EINVAL);
    expect(m.call(__HYPERVISOR_hvm_op, HVMOP_get_time, RECORD)).toBe(0);
    expect(m.finish()).toEqual([]);
  });
});

/** A control record of zeros but for its version, and a domain. */
function* control(g: NativeGuest, number: number, version: number, domain = 0): NativeCode<number> {
  g.write(0x2000, new Uint8Array(160));
  g.write32(0x2000, 5);
  g.write32(0x2004, version);
  g.write32(0x2008, domain);
  return yield* g.hypercall(number, 0x2000);
}

describe('hypercalls of the control domain', () => {
  hypercallContract([
    [
      'domctl of an existing domain returns -EPERM',
      -XEN_EPERM,
      (g) => control(g, __HYPERVISOR_domctl, 0x15, BYSTANDER),
    ],
    [
      'domctl of no domain returns -ESRCH',
      -XEN_ESRCH,
      (g) => control(g, __HYPERVISOR_domctl, 0x15, 77),
    ],
    [
      'domctl of another version returns -EACCES',
      -XEN_EACCES,
      (g) => control(g, __HYPERVISOR_domctl, 0x14),
    ],
    [
      'domctl that cannot be read returns -EFAULT',
      -XEN_EFAULT,
      (g) => g.hypercall(__HYPERVISOR_domctl, 0x5000_0000),
    ],
    ['sysctl returns -EPERM', -XEN_EPERM, (g) => control(g, __HYPERVISOR_sysctl, 0x15)],
    [
      'sysctl of another version returns -EACCES',
      -XEN_EACCES,
      (g) => control(g, __HYPERVISOR_sysctl, 0),
    ],
    [
      'platform_op returns -EPERM',
      -XEN_EPERM,
      (g) => control(g, __HYPERVISOR_platform_op, 0x0300_0000),
    ],
    [
      'platform_op of another version returns -EACCES',
      -XEN_EACCES,
      (g) => control(g, __HYPERVISOR_platform_op, 1),
    ],
    [
      'xenpmu_op returns -EOPNOTSUPP',
      -XEN_EOPNOTSUPP,
      (g) => g.hypercall(__HYPERVISOR_xenpmu_op, 0, 0),
    ],
    [
      'hypfs_op returns -EPERM',
      -XEN_EPERM,
      (g) => g.hypercall(__HYPERVISOR_hypfs_op, 0, 0, 0, 0, 0),
    ],
    [
      'dm_op without buffers returns -ENODATA',
      -XEN_ENODATA,
      (g) => g.hypercall(__HYPERVISOR_dm_op, BYSTANDER, 0, 0),
    ],
    [
      'dm_op of three buffers returns -E2BIG',
      -XEN_E2BIG,
      (g) => g.hypercall(__HYPERVISOR_dm_op, BYSTANDER, 3, 0x2000),
    ],
    [
      'dm_op of a domain it does not model returns -EPERM',
      -XEN_EPERM,
      (g) => g.hypercall(__HYPERVISOR_dm_op, BYSTANDER, 1, 0x2000),
    ],
    [
      'dm_op of no domain returns -ESRCH',
      -XEN_ESRCH,
      (g) => g.hypercall(__HYPERVISOR_dm_op, 77, 1, 0x2000),
    ],
    ['tmem_op returns -ENOSYS', -XEN_ENOSYS, (g) => g.hypercall(__HYPERVISOR_tmem_op, 0)],
    ['argo_op returns -ENOSYS', -XEN_ENOSYS, (g) => g.hypercall(__HYPERVISOR_argo_op, 0)],
    ['xsm_op returns -ENOSYS', -XEN_ENOSYS, (g) => g.hypercall(__HYPERVISOR_xsm_op, 0)],
  ]);

  it('that only page-table guests have return -EPERM to one', () => {
    const m = new TrapMachine();
    expect(m.call(__HYPERVISOR_kexec_op, 0, 0)).toBe(-XEN_EPERM);
    expect(m.call(__HYPERVISOR_arch_0, 0)).toBe(-XEN_EPERM);
    expect(m.finish()).toEqual([]);
  });
});
