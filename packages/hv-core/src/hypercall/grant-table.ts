// grant_table_op: an array of records, each with a status of its own. A record that fails changes nothing; the others are done.
import {
  __HYPERVISOR_grant_table_op,
  DOMID_SELF,
  GNTCOPY_dest_gref,
  GNTCOPY_source_gref,
  GNTST_bad_gntref,
  GNTST_bad_page,
  GNTST_eagain,
  GNTST_general_error,
  GNTST_okay,
  GNTST_permission_denied,
  GNTTABOP_copy,
  GNTTABOP_dump_table,
  GNTTABOP_get_status_frames,
  GNTTABOP_map_grant_ref,
  GNTTABOP_query_size,
  GNTTABOP_setup_table,
  GNTTABOP_swap_grant_ref,
  GNTTABOP_transfer,
  GNTTABOP_unmap_and_replace,
  GNTTABOP_unmap_grant_ref,
  gnttab_copy,
  gnttab_map_grant_ref,
  gnttab_swap_grant_ref,
  gnttab_unmap_grant_ref,
  grant_table_ops,
  XEN_EFAULT,
  XEN_EINVAL,
  XEN_ENOSYS,
} from '@proxeny/abi';
import { type Mfn, PAGE_SIZE, type ScalarField, type StructField } from '@proxeny/memory';
import { type CopyEnd, copyGrant } from '../grant/grant-copy.js';
import { type MapResult, mapGrant, unmapGrant } from '../grant/grant-mapping.js';
import type { HypercallFrame } from './frame.js';
import { getStatusFrames, querySize, setupTable } from './grant-frames.js';
import { grantVersionOperations } from './grant-version.js';
import type { Decoded, Hypercall } from './hypercall.js';
import { copyRecordIn, copyRecordOut, decodeOperation, shapeOf } from './record.js';

/** Checks and does what the record in `call.view` asks for; GNTST_*. */
type GrantOperation = (call: HypercallFrame) => number;

const mapResult: MapResult = { handle: 0, mfn: 0 as Mfn };

function map(call: HypercallFrame): number {
  const { fields } = gnttab_map_grant_ref.of(call.word);
  const named = fields.dom.get(call.view);
  const status = mapGrant(
    call.vcpu,
    named === DOMID_SELF ? call.domain.id : named,
    fields.ref.get(call.view),
    fields.flags.get(call.view),
    hostAddressOf(call, fields.host_addr),
    mapResult,
  );
  if (status !== GNTST_okay) return status;
  fields.handle.set(call.view, 0, mapResult.handle);
  fields.dev_bus_addr.set(call.view, 0, mapResult.mfn * PAGE_SIZE);
  return status;
}

/** Linear addresses of 64-bit guests are signed; machine addresses are small enough to be the same either way. */
function hostAddressOf(call: HypercallFrame, field: ScalarField): number {
  return (field.getHigh(call.view) | 0) * 2 ** 32 + field.getLow(call.view);
}

function unmap(call: HypercallFrame): number {
  const { fields } = gnttab_unmap_grant_ref.of(call.word);
  return unmapGrant(
    call.vcpu,
    fields.handle.get(call.view),
    hostAddressOf(call, fields.host_addr),
    fields.dev_bus_addr.get(call.view),
  );
}

function copy(call: HypercallFrame): number {
  const { fields } = gnttab_copy.of(call.word);
  const flags = fields.flags.get(call.view);
  const end = (field: typeof fields.source, isGrant: boolean): CopyEnd => ({
    isGrant,
    frame: (isGrant ? field.fields.u.fields.ref : field.fields.u.fields.gmfn).get(call.view),
    domain: field.fields.domid.get(call.view),
    offset: field.fields.offset.get(call.view),
  });
  return copyGrant(
    call.domain,
    end(fields.source, (flags & GNTCOPY_source_gref) !== 0),
    end(fields.dest, (flags & GNTCOPY_dest_gref) !== 0),
    fields.len.get(call.view),
  );
}

function swap(call: HypercallFrame): number {
  const { fields } = gnttab_swap_grant_ref.of(call.word);
  const { grants } = call.domain;
  const a = fields.ref_a.get(call.view);
  const b = fields.ref_b.get(call.view);
  if (a >= grants.entries.count || b >= grants.entries.count) return GNTST_bad_gntref;
  if (a === b) return GNTST_okay;
  if (grants.active(a) || grants.active(b)) return GNTST_eagain;
  grants.entries.swap(a, b);
  return GNTST_okay;
}

const operations: Readonly<Record<number, GrantOperation | undefined>> = {
  [GNTTABOP_map_grant_ref]: map,
  [GNTTABOP_unmap_grant_ref]: unmap,
  [GNTTABOP_setup_table]: setupTable,
  // The table is not printed: there is nobody to print it for.
  [GNTTABOP_dump_table]: () => GNTST_permission_denied,
  // Frames are not handed over: as where Xen cannot take the page from its owner.
  [GNTTABOP_transfer]: () => GNTST_bad_page,
  [GNTTABOP_copy]: copy,
  [GNTTABOP_query_size]: querySize,
  // Only for mappings by linear address whose new entry is one too; no guest has used it in years.
  [GNTTABOP_unmap_and_replace]: () => GNTST_general_error,
  [GNTTABOP_get_status_frames]: getStatusFrames,
  [GNTTABOP_swap_grant_ref]: swap,
};
const single: ReadonlySet<number> = new Set([
  GNTTABOP_setup_table,
  GNTTABOP_query_size,
  GNTTABOP_dump_table,
  GNTTABOP_get_status_frames,
]);
/** How much work a record is, in page-table entries. */
const RECORD_WORK = 64;

function statusField(command: number, word: 32 | 64): ScalarField {
  const layout = grant_table_ops[command]?.argument?.of(word) as StructField;
  return layout.fields.status as ScalarField;
}

function decode(call: HypercallFrame): Decoded {
  const command = call.uint(0);
  const count = call.uint(2);
  if (count > 0x7fff_ffff) return -XEN_EINVAL;
  const operation = operations[command];
  const argument = grant_table_ops[command]?.argument;
  if (!operation || !argument) {
    if (!grantVersionOperations[command]) return -XEN_ENOSYS;
    return decodeOperation(call, grantVersionOperations, command, 1);
  }
  if (single.has(command) && count !== 1) return -XEN_EINVAL;
  const shape = shapeOf(argument, call.word);
  const status = statusField(command, call.word);
  const list = call.pointer(1);
  // The first record is checked before anything is done, so that a call which does nothing but fail changes nothing.
  if (count > 0 && !copyRecordIn(call, shape, list)) return -XEN_EFAULT;
  return () => {
    for (let i = 0; i < count; i++) {
      const address = list + i * shape.byteLength;
      if (i > 0 && call.spend(RECORD_WORK)) {
        call.setArgument(1, address);
        call.setArgument(2, count - i);
        return call.restart();
      }
      if (i > 0 && !copyRecordIn(call, shape, address)) return -XEN_EFAULT;
      status.set(call.view, 0, operation(call));
      if (!copyRecordOut(call, shape, address)) return -XEN_EFAULT;
    }
    return 0;
  };
}

export const grantTableOp: Hypercall = {
  number: __HYPERVISOR_grant_table_op,
  name: 'grant_table_op',
  arguments: 3,
  decode,
};
