// What a PV guest's first vCPU starts with, and its start_info page. xen.h; arch-x86/xen.h, vcpu_guest_context.
import {
  cpu_user_regs,
  FLAT_RING1_CS,
  FLAT_RING1_DS,
  FLAT_RING1_SS,
  FLAT_RING3_CS64,
  FLAT_RING3_DS64,
  FLAT_RING3_SS64,
  SIF_MOD_START_PFN,
  SIF_VIRT_P2M_4TOOLS,
  START_INFO_MAGIC_X86_32P,
  START_INFO_MAGIC_X86_64,
  start_info,
  VGCF_in_kernel,
  VGCF_online,
  VMASST_TYPE_pae_extended_cr3,
  vcpu_guest_context,
} from '@proxeny/abi';
import type { Domain } from '@proxeny/hv-core';
import { type Mfn, PAGE_SIZE } from '@proxeny/memory';
import type { DomainMemory } from './domain-memory.js';
import type { PvImage } from './pv-image.js';
import type { PvLayout } from './pv-layout.js';
import type { ServiceRing } from './service-ring.js';

/** The first vCPU's state. */
export interface PvStart {
  /** Linear addresses, signed canonical. */
  readonly entry: number;
  readonly stackTop: number;
  /** In ESI or RSI. */
  readonly startInfo: number;
  /** Frame of the root: an L4, or the L3 of a PAE guest. */
  readonly root: Mfn;
  /** All of it as a vcpu_guest_context of the guest's word size. */
  readonly context: Uint8Array;
}

const RFLAGS_IF = 0x200;
const DR6_RESET = 0xffff_0ff0;
const DR7_RESET = 0x400;

export interface StartInfoContents {
  readonly store: ServiceRing;
  readonly console: ServiceRing;
  readonly commandLine: Uint8Array;
  /** 0: none. */
  readonly ramdiskBytes: number;
}

export function writeStartInfo(
  memory: DomainMemory,
  domain: Domain,
  image: PvImage,
  layout: PvLayout,
  contents: StartInfoContents,
): void {
  const { fields, byteLength } = start_info.of(image.word);
  const page = new Uint8Array(byteLength);
  const view = new DataView(page.buffer);
  const magic = image.word === 64 ? START_INFO_MAGIC_X86_64 : START_INFO_MAGIC_X86_32P;
  page.set(new TextEncoder().encode(magic), fields.magic.offset);
  fields.nr_pages.set(view, 0, layout.pages);
  fields.shared_info.set(view, 0, domain.sharedInfo);
  fields.store_mfn.set(view, 0, contents.store.mfn);
  fields.store_evtchn.set(view, 0, contents.store.port);
  const { domU } = fields.console.fields;
  domU.fields.mfn.set(view, 0, contents.console.mfn);
  domU.fields.evtchn.set(view, 0, contents.console.port);
  fields.pt_base.set(view, 0, image.virtualBase + layout.pageTables.pfn * PAGE_SIZE);
  fields.nr_pt_frames.set(view, 0, layout.pageTables.pages);
  fields.mfn_list.set(view, 0, layout.p2m.address);
  if (image.initP2m !== undefined) {
    fields.first_p2m_pfn.set(view, 0, layout.p2m.pfn);
    fields.nr_p2m_frames.set(view, 0, layout.p2m.pages);
  }
  let flags = SIF_VIRT_P2M_4TOOLS;
  const { ramdisk } = layout;
  if (ramdisk !== undefined) {
    if (!ramdisk.isMapped) flags |= SIF_MOD_START_PFN;
    const linear = image.virtualBase + ramdisk.pfn * PAGE_SIZE;
    fields.mod_start.set(view, 0, ramdisk.isMapped ? linear : ramdisk.pfn);
    const wholePages = ramdisk.pages * PAGE_SIZE;
    fields.mod_len.set(view, 0, ramdisk.isMapped ? contents.ramdiskBytes : wholePages);
  }
  fields.flags.set(view, 0, flags);
  page.set(contents.commandLine, fields.cmd_line.offset);
  memory.write(layout.startInfo * PAGE_SIZE, page);
}

/** The state to enter the kernel with: on its stack, events masked by shared_info, everything else 0. */
export function startOf(image: PvImage, layout: PvLayout, root: Mfn): PvStart {
  const stackTop = image.virtualBase + (layout.stack + 1) * PAGE_SIZE;
  const startInfo = image.virtualBase + layout.startInfo * PAGE_SIZE;
  const { fields, byteLength } = vcpu_guest_context.of(image.word);
  const context = new Uint8Array(byteLength);
  const view = new DataView(context.buffer);
  fields.flags.set(view, 0, VGCF_in_kernel | VGCF_online);
  fields.ctrlreg.element.set(view, 3 * fields.ctrlreg.stride, cr3Of(image.word, root));
  fields.debugreg.element.set(view, 6 * fields.debugreg.stride, DR6_RESET);
  fields.debugreg.element.set(view, 7 * fields.debugreg.stride, DR7_RESET);
  fields.kernel_sp.set(view, 0, stackTop);
  const isWide = image.word === 64;
  fields.kernel_ss.set(view, 0, isWide ? FLAT_RING3_SS64 : FLAT_RING1_SS);
  if (isWide) writeRegisters64(view, fields.user_regs.offset, image.entry, stackTop, startInfo);
  else writeRegisters32(view, fields.user_regs.offset, image.entry, stackTop, startInfo);
  if (!isWide && image.isCr3Extended) {
    fields.vm_assist.set(view, 0, 1 << VMASST_TYPE_pae_extended_cr3);
  }
  return { entry: image.entry, stackTop, startInfo, root, context };
}

/** A PAE guest's CR3 has the high bits of the frame's number in its low ones. arch-x86/xen-x86_32.h, xen_pfn_to_cr3 */
function cr3Of(word: 32 | 64, root: Mfn): number {
  return word === 64 ? root * PAGE_SIZE : ((root << 12) | (root >>> 20)) >>> 0;
}

function writeRegisters64(
  view: DataView,
  base: number,
  entry: number,
  stackTop: number,
  startInfo: number,
): void {
  const { fields } = cpu_user_regs.of(64);
  fields.rip.set(view, base, entry);
  fields.rsp.set(view, base, stackTop);
  fields.rsi.set(view, base, startInfo);
  fields.rflags.set(view, base, RFLAGS_IF);
  fields.cs.set(view, base, FLAT_RING3_CS64);
  fields.ss.set(view, base, FLAT_RING3_SS64);
  for (const field of [fields.ds, fields.es, fields.fs, fields.gs]) {
    field.set(view, base, FLAT_RING3_DS64);
  }
}

function writeRegisters32(
  view: DataView,
  base: number,
  entry: number,
  stackTop: number,
  startInfo: number,
): void {
  const { fields } = cpu_user_regs.of(32);
  fields.eip.set(view, base, entry);
  fields.esp.set(view, base, stackTop);
  fields.esi.set(view, base, startInfo);
  fields.eflags.set(view, base, RFLAGS_IF);
  fields.cs.set(view, base, FLAT_RING1_CS);
  fields.ss.set(view, base, FLAT_RING1_SS);
  for (const field of [fields.ds, fields.es, fields.fs, fields.gs]) {
    field.set(view, base, FLAT_RING1_DS);
  }
}
