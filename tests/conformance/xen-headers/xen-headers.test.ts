// Our description of Xen's interface against Xen's own public headers (Debian's libxen-dev, Xen 4.17): every record's size and
// offsets for both word sizes, and every constant's value, checked by a C compiler. Nothing of them is kept.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import * as abi from '@proxeny/abi';
import type { WordSize } from '@proxeny/memory';
import { describe, expect, it } from 'vitest';
import {
  constantAssertions,
  layoutAssertions,
} from '../../../packages/abi/src/c-header/assertions.js';
import { isByWord, isRecord } from '../../../packages/abi/src/c-header/header-text.js';
import { debianPackage } from '../../boot/debian-packages.js';

const guestHeaders = [
  'xen.h',
  'callback.h',
  'elfnote.h',
  'errno.h',
  'event_channel.h',
  'features.h',
  'grant_table.h',
  'memory.h',
  'nmi.h',
  'physdev.h',
  'sched.h',
  'vcpu.h',
  'version.h',
  'arch-x86/cpuid.h',
  'arch-x86/hvm/start_info.h',
  'hvm/hvm_op.h',
  'hvm/hvm_vcpu.h',
  'hvm/params.h',
  'io/blkif.h',
  'io/console.h',
  'io/netif.h',
  'io/protocols.h',
  'io/ring.h',
  'io/xenbus.h',
  'io/xs_wire.h',
];

/** Names Xen's public headers do not have, and why we do. */
const ours: Readonly<Record<string, readonly string[]>> = {
  'typedefs of arrays there': [
    'xen_extraversion',
    'xen_capabilities_info',
    'xen_changeset_info',
    'xen_commandline',
    'xen_domain_handle',
  ],
  'macros with arguments there': [
    'XENMEMF_address_bits_mask',
    'XENMEMF_node_shift',
    'TI_DPL_MASK',
    'TI_IF',
  ],
  'inside Xen, though guests see their effect': [
    'MEMOP_EXTENT_SHIFT',
    'MEMOP_CMD_MASK',
    'MMU_UPDATE_PREEMPTED',
    'XEN_EINTR',
    'XEN_ERESTART',
  ],
  'said in prose there': [
    'HYPERCALL_PAGE_SLOTS',
    'HYPERCALL_SLOT_BYTES',
    'HYPERCALL_VECTOR',
    'HYPERCALL_MAX_ARGUMENTS',
    'START_INFO_MAGIC_X86_32P',
    'START_INFO_MAGIC_X86_64',
    'XEN_COMMANDLINE_LEN',
    'XEN_ELFNOTE_OWNER',
    'XEN_NETIF_NR_SLOTS_MIN',
    'BLKIF_SECTOR_BYTES',
    'BLKIF_SEGMENTS_PER_INDIRECT_PAGE',
    'MACH2PHYS_ENTRY_SHIFT',
    'SRING_HEADER_BYTES',
    'sring_header',
  ],
  'hidden from callers of a newer interface': [
    'HVMOP_set_isa_irq_level',
    'HVMOP_set_pci_intx_level',
    'HVMOP_set_pci_link_route',
  ],
  'newer than 4.17': ['XEN_ELFNOTE_PHYS32_RELOC'],
  'other specifications': [
    'e820entry',
    'E820_RAM',
    'E820_RESERVED',
    'E820_ACPI',
    'E820_NVS',
    'E820_UNUSABLE',
  ],
};
const notXens = new Set(Object.values(ours).flat());

/** Defined for guests of one word size only. */
const onlyIn: Readonly<Record<string, WordSize>> = {
  FLAT_RING1_CS: 32,
  FLAT_RING1_DS: 32,
  FLAT_RING1_SS: 32,
  FLAT_RING3_CS: 32,
  FLAT_RING3_DS: 32,
  FLAT_RING3_SS: 32,
  FLAT_RING3_CS32: 64,
  FLAT_RING3_CS64: 64,
  FLAT_RING3_DS32: 64,
  FLAT_RING3_DS64: 64,
  FLAT_RING3_SS32: 64,
  FLAT_RING3_SS64: 64,
  HYPERVISOR_VIRT_END: 64,
  SEGBASE_FS: 64,
  SEGBASE_GS_KERNEL: 64,
  SEGBASE_GS_USER: 64,
  SEGBASE_GS_USER_SEL: 64,
  VGCF_in_syscall: 64,
  iret_context: 64,
};

/** Only in the toolstack's part of the headers. */
function isForTools(name: string): boolean {
  return (
    /^(XEN_DOMCTL_|XEN_DOMINF_|xen_domctl_|xen_arch_domainconfig)/.test(name) ||
    /^XENMEM_(get_sharing|paging_op|access_op|sharing_op|claim_pages|reserved_device)/.test(name) ||
    /^HVMOP_(set_mem_access|get_mem_access)/.test(name)
  );
}

function assertions(word: WordSize, forTools: boolean): string[] {
  const lines: string[] = [];
  for (const [name, value] of Object.entries(abi)) {
    if (notXens.has(name) || (onlyIn[name] ?? word) !== word) continue;
    if (isForTools(name) !== forTools) continue;
    if (isRecord(value)) lines.push(...layoutAssertions(value, word));
    else if (['number', 'string'].includes(typeof value) || isByWord(value))
      lines.push(...constantAssertions(name, value, word));
  }
  return lines;
}

function compilerOutput(
  headers: readonly string[],
  lines: readonly string[],
  flags: string[],
): string {
  const include = join(debianPackage('libxen-dev', 'amd64'), 'usr/include');
  const code = [
    '#include <stddef.h>',
    '#include <stdint.h>',
    ...headers.map((name) => `#include <xen/${name}>`),
    ...lines,
  ].join('\n');
  const common = ['-std=gnu11', '-ffreestanding', '-fsyntax-only', '-I', include, '-x', 'c', '-'];
  const latest = '-D__XEN_INTERFACE_VERSION__=__XEN_LATEST_INTERFACE_VERSION__';
  try {
    execFileSync('gcc', [...flags, latest, ...common], { input: code, stdio: 'pipe' });
    return '';
  } catch (error) {
    return String((error as { stderr?: Buffer }).stderr ?? error);
  }
}

describe.each([32, 64] as const)("Xen's own headers for %i-bit guests", (word) => {
  it('agree with every record and constant that guests use', () => {
    const lines = assertions(word, false);
    expect(lines.length).toBeGreaterThan(1500);
    expect(compilerOutput(guestHeaders, lines, [`-m${word}`])).toBe('');
  });

  it('agree with what the toolstack uses', () => {
    const lines = assertions(word, true);
    expect(lines.length).toBeGreaterThan(100);
    const headers = ['domctl.h', 'memory.h', 'hvm/hvm_op.h'];
    expect(compilerOutput(headers, lines, [`-m${word}`, '-D__XEN_TOOLS__'])).toBe('');
  });

  it('lay the header of a ring out as we do', () => {
    const { fields, byteLength } = abi.sring_header.of(word);
    const lines = [
      `_Static_assert(offsetof(struct blkif_sring, ring) == ${byteLength}, "ring");`,
      ...(['req_prod', 'req_event', 'rsp_prod', 'rsp_event', 'pvt'] as const).map(
        (name) =>
          `_Static_assert(offsetof(struct blkif_sring, ${name}) == ${fields[name].offset}, "${name}");`,
      ),
    ];
    expect(compilerOutput(guestHeaders, lines, [`-m${word}`])).toBe('');
  });
});
