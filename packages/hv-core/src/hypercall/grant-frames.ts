// grant_table_op: where the frames of a grant table are (setup_table, get_status_frames, query_size).
import {
  GNTST_bad_domain,
  GNTST_bad_virt_addr,
  GNTST_general_error,
  GNTST_okay,
  GNTST_permission_denied,
  gnttab_get_status_frames,
  gnttab_query_size,
  gnttab_setup_table,
  XEN_EPERM,
} from '@proxeny/abi';
import type { Domain } from '../domain.js';
import { findTarget } from '../privilege.js';
import type { HypercallFrame } from './frame.js';

function targetOf(call: HypercallFrame, id: number): Domain | number {
  const target = findTarget(call.domain, id);
  if (typeof target !== 'number') return target;
  return target === -XEN_EPERM ? GNTST_permission_denied : GNTST_bad_domain;
}

/** A frame's number as its guest knows it: translated guests learn of it by add_to_physmap instead. */
function writeFrames(
  call: HypercallFrame,
  frames: readonly number[],
  address: number,
  width: 4 | 8,
): boolean {
  const bytes = new Uint8Array(frames.length * width);
  const view = new DataView(bytes.buffer);
  for (const [i, mfn] of frames.entries()) {
    const known = call.domain.p2m ? call.hypervisor.m2p.get(mfn) : mfn;
    view.setUint32(i * width, known, true);
  }
  return call.vcpu.access.copyTo(address, bytes);
}

export function setupTable(call: HypercallFrame): number {
  const { fields } = gnttab_setup_table.of(call.word);
  const target = targetOf(call, fields.dom.get(call.view));
  if (typeof target === 'number') return target;
  const count = fields.nr_frames.get(call.view);
  if (count > target.limits.maxGrantFrames) return GNTST_general_error;
  const width = call.word === 32 ? 4 : 8;
  const address = call.recordPointer(fields.frame_list);
  if (!call.vcpu.access.isAccessible(address, count * width, true)) return GNTST_bad_virt_addr;
  if (!target.grants.grow(count)) return GNTST_general_error;
  const frames = target.grants.entries.frames.slice(0, count);
  return writeFrames(call, frames, address, width) ? GNTST_okay : GNTST_bad_virt_addr;
}

export function getStatusFrames(call: HypercallFrame): number {
  const { fields } = gnttab_get_status_frames.of(call.word);
  const target = targetOf(call, fields.dom.get(call.view));
  if (typeof target === 'number') return target;
  const count = fields.nr_frames.get(call.view);
  const { statusFrames } = target.grants.entries;
  if (target.grants.version !== 2 || count > statusFrames.length) return GNTST_general_error;
  const address = call.recordPointer(fields.frame_list);
  return writeFrames(call, statusFrames.slice(0, count), address, 8)
    ? GNTST_okay
    : GNTST_bad_virt_addr;
}

export function querySize(call: HypercallFrame): number {
  const { fields } = gnttab_query_size.of(call.word);
  const target = targetOf(call, fields.dom.get(call.view));
  if (typeof target === 'number') return target;
  fields.nr_frames.set(call.view, 0, target.grants.entries.frames.length);
  fields.max_nr_frames.set(call.view, 0, target.limits.maxGrantFrames);
  return GNTST_okay;
}
