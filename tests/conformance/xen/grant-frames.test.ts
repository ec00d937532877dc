// Conformance of grant_table_op: the table itself, its frames and versions.
import {
  __HYPERVISOR_grant_table_op,
  GNTST_bad_domain,
  GNTST_bad_gntref,
  GNTST_bad_virt_addr,
  GNTST_eagain,
  GNTST_general_error,
  GNTST_okay,
  GNTST_permission_denied,
  GNTTABOP_cache_flush,
  GNTTABOP_get_status_frames,
  GNTTABOP_get_version,
  GNTTABOP_query_size,
  GNTTABOP_setup_table,
  GNTTABOP_swap_grant_ref,
  GTF_permit_access,
  gnttab_cache_flush,
  gnttab_get_status_frames,
  gnttab_get_version,
  gnttab_query_size,
  gnttab_setup_table,
  gnttab_swap_grant_ref,
  XEN_EBUSY,
  XEN_EFAULT,
  XEN_EINVAL,
  XEN_ENOSYS,
  XEN_EPERM,
  XEN_ESRCH,
} from '@proxeny/abi';
import { describe } from 'vitest';
import { BYSTANDER, hypercallContract } from './conformance-case.js';
import { DOMID_SELF, flagsOf, grant, map, setVersion, showTable } from './grant-calls.js';

describe('GNTTABOP_setup_table, query_size, versions and the rest', () => {
  hypercallContract([
    [
      'query_size tells frames and limit',
      [GNTST_okay, 1, 64],
      function* (g) {
        const made = yield* g.grantOp(GNTTABOP_query_size, gnttab_query_size, { dom: DOMID_SELF });
        return [made.get('status'), made.get('nr_frames'), made.get('max_nr_frames')];
      },
    ],
    [
      'query_size of another domain is denied',
      GNTST_permission_denied,
      function* (g) {
        return (yield* g.grantOp(GNTTABOP_query_size, gnttab_query_size, { dom: BYSTANDER })).get(
          'status',
        );
      },
    ],
    [
      'query_size of a domain that does not exist is a bad domain',
      GNTST_bad_domain,
      function* (g) {
        return (yield* g.grantOp(GNTTABOP_query_size, gnttab_query_size, { dom: 77 })).get(
          'status',
        );
      },
    ],
    [
      'query_size of two records at once returns -EINVAL',
      -XEN_EINVAL,
      (g) => g.hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_query_size, 0x1000, 2),
    ],
    [
      'setup_table grows the table',
      [GNTST_okay, 4],
      function* (g) {
        const values = { dom: DOMID_SELF, nr_frames: 4, frame_list: 0x3000 };
        const made = yield* g.grantOp(GNTTABOP_setup_table, gnttab_setup_table, values);
        const status = made.get('status');
        const size = yield* g.grantOp(GNTTABOP_query_size, gnttab_query_size, { dom: DOMID_SELF });
        return [status, size.get('nr_frames')];
      },
    ],
    [
      'setup_table beyond the limit is a general error',
      GNTST_general_error,
      function* (g) {
        const values = { dom: DOMID_SELF, nr_frames: 65, frame_list: 0x3000 };
        return (yield* g.grantOp(GNTTABOP_setup_table, gnttab_setup_table, values)).get('status');
      },
    ],
    [
      'setup_table with a list that is not mapped is a bad address',
      GNTST_bad_virt_addr,
      function* (g) {
        const values = { dom: DOMID_SELF, nr_frames: 4, frame_list: 0x900_0000 };
        return (yield* g.grantOp(GNTTABOP_setup_table, gnttab_setup_table, values)).get('status');
      },
    ],
    [
      'setup_table of another domain is denied',
      GNTST_permission_denied,
      function* (g) {
        const values = { dom: BYSTANDER, nr_frames: 1, frame_list: 0x3000 };
        return (yield* g.grantOp(GNTTABOP_setup_table, gnttab_setup_table, values)).get('status');
      },
    ],
    [
      'get_version says 1 at first',
      [0, 1],
      function* (g) {
        const made = yield* g.grantOp(GNTTABOP_get_version, gnttab_get_version, {
          dom: DOMID_SELF,
        });
        return [made.result, made.get('version')];
      },
    ],
    [
      'get_version of another domain returns -EPERM',
      -XEN_EPERM,
      function* (g) {
        return (yield* g.grantOp(GNTTABOP_get_version, gnttab_get_version, { dom: BYSTANDER }))
          .result;
      },
    ],
    [
      'get_version of a domain that does not exist returns -ESRCH',
      -XEN_ESRCH,
      function* (g) {
        return (yield* g.grantOp(GNTTABOP_get_version, gnttab_get_version, { dom: 77 })).result;
      },
    ],
    ['set_version to 3 returns -EINVAL', -XEN_EINVAL, (g) => setVersion(g, 3)],
    [
      'set_version to 2 and back is allowed',
      [0, 0],
      function* (g) {
        return [yield* setVersion(g, 2), yield* setVersion(g, 1)];
      },
    ],
    [
      'set_version while a grant is mapped returns -EBUSY',
      -XEN_EBUSY,
      function* (g) {
        yield* showTable(g);
        grant(g, 9, g.domainId, 5);
        yield* map(g, g.domainId, 9, 20);
        return yield* setVersion(g, 2);
      },
    ],
    [
      'set_version empties the table but for the first eight entries',
      [0, GTF_permit_access],
      function* (g) {
        yield* showTable(g);
        grant(g, 9, g.domainId, 5);
        grant(g, 1, g.domainId, 5);
        yield* setVersion(g, 2);
        yield* setVersion(g, 1);
        return [flagsOf(g, 9), flagsOf(g, 1)];
      },
    ],
    [
      'get_status_frames of a version 1 table is a general error',
      GNTST_general_error,
      function* (g) {
        const values = { dom: DOMID_SELF, nr_frames: 1, frame_list: 0x3000 };
        return (yield* g.grantOp(GNTTABOP_get_status_frames, gnttab_get_status_frames, values)).get(
          'status',
        );
      },
    ],
    [
      'get_status_frames of a version 2 table tells them',
      GNTST_okay,
      function* (g) {
        yield* setVersion(g, 2);
        const values = { dom: DOMID_SELF, nr_frames: 1, frame_list: 0x3000 };
        return (yield* g.grantOp(GNTTABOP_get_status_frames, gnttab_get_status_frames, values)).get(
          'status',
        );
      },
    ],
    [
      'swap_grant_ref exchanges two entries',
      [GNTST_okay, 0, GTF_permit_access],
      function* (g) {
        yield* showTable(g);
        grant(g, 9, g.domainId, 5);
        const made = yield* g.grantOp(GNTTABOP_swap_grant_ref, gnttab_swap_grant_ref, {
          ref_a: 9,
          ref_b: 10,
        });
        return [made.get('status'), flagsOf(g, 9), flagsOf(g, 10)];
      },
    ],
    [
      'swap_grant_ref of a grant in use says to try again',
      GNTST_eagain,
      function* (g) {
        yield* showTable(g);
        grant(g, 9, g.domainId, 5);
        yield* map(g, g.domainId, 9, 20);
        return (yield* g.grantOp(GNTTABOP_swap_grant_ref, gnttab_swap_grant_ref, {
          ref_a: 9,
          ref_b: 10,
        })).get('status');
      },
    ],
    [
      'swap_grant_ref beyond the table is a bad reference',
      GNTST_bad_gntref,
      function* (g) {
        return (yield* g.grantOp(GNTTABOP_swap_grant_ref, gnttab_swap_grant_ref, {
          ref_a: 9,
          ref_b: 512,
        })).get('status');
      },
    ],
    [
      'cache_flush of more than a page returns -EINVAL',
      -XEN_EINVAL,
      function* (g) {
        return (yield* g.grantOp(GNTTABOP_cache_flush, gnttab_cache_flush, {
          offset: 1,
          length: 4096,
          op: 1,
        })).result;
      },
    ],
    [
      "cache_flush of a frame that is not the caller's returns -EPERM",
      -XEN_EPERM,
      function* (g) {
        return (yield* g.grantOp(GNTTABOP_cache_flush, gnttab_cache_flush, { length: 64, op: 1 }))
          .result;
      },
    ],
    [
      'an operation there is not returns -ENOSYS',
      -XEN_ENOSYS,
      (g) => g.hypercall(__HYPERVISOR_grant_table_op, 13, 0x1000, 1),
    ],
    [
      'a negative count returns -EINVAL',
      -XEN_EINVAL,
      (g) => g.hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_query_size, 0x1000, 0xffff_ffff),
    ],
    [
      'a record that is not mapped returns -EFAULT',
      -XEN_EFAULT,
      (g) => g.hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_query_size, 0x900_0000, 1),
    ],
  ]);
});
