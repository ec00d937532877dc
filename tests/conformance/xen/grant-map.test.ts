// Conformance of grant_table_op: mapping and unmapping. Guests here grant to themselves, which shows both sides in one.
import {
  GNTMAP_contains_pte,
  GNTMAP_device_map,
  GNTMAP_host_map,
  GNTST_bad_domain,
  GNTST_bad_gntref,
  GNTST_bad_handle,
  GNTST_bad_page,
  GNTST_general_error,
  GNTST_no_device_space,
  GNTST_okay,
  GNTTABOP_transfer,
  GNTTABOP_unmap_and_replace,
  GTF_permit_access,
  GTF_reading,
  GTF_readonly,
  GTF_sub_page,
  GTF_writing,
  gnttab_transfer,
  gnttab_unmap_and_replace,
} from '@proxeny/abi';
import { describe } from 'vitest';
import { BYSTANDER, hypercallContract } from './conformance-case.js';
import {
  flagsOf,
  grant,
  grantV2,
  map,
  mapReadOnly,
  setVersion,
  showTable,
  unmap,
} from './grant-calls.js';

describe('GNTTABOP_map_grant_ref', () => {
  hypercallContract([
    [
      'maps a page: what is written there arrives in it',
      0x1234,
      function* (g) {
        yield* showTable(g);
        grant(g, 9, g.domainId, 5);
        yield* map(g, g.domainId, 9, 20);
        g.write32(20 * 4096, 0x1234);
        return g.read32(5 * 4096);
      },
    ],
    [
      'marks the grant as read and written',
      GTF_permit_access | GTF_reading | GTF_writing,
      function* (g) {
        yield* showTable(g);
        grant(g, 9, g.domainId, 5);
        yield* map(g, g.domainId, 9, 20);
        return flagsOf(g, 9);
      },
    ],
    [
      'read only marks it as read',
      GTF_permit_access | GTF_reading,
      function* (g) {
        yield* showTable(g);
        grant(g, 9, g.domainId, 5);
        yield* mapReadOnly(g, g.domainId, 9, 20);
        return flagsOf(g, 9);
      },
    ],
    [
      'read only makes a page that cannot be written',
      'NativePageFault',
      function* (g) {
        yield* showTable(g);
        grant(g, 9, g.domainId, 5, GTF_readonly);
        yield* mapReadOnly(g, g.domainId, 9, 20);
        try {
          g.write32(20 * 4096, 1);
        } catch (error) {
          return (error as Error).name;
        }
      },
    ],
    [
      'for writing of a read-only grant is a general error',
      GNTST_general_error,
      function* (g) {
        yield* showTable(g);
        grant(g, 9, g.domainId, 5, GTF_readonly);
        return (yield* map(g, g.domainId, 9, 20)).status;
      },
    ],
    [
      'of a domain that does not exist is a bad domain',
      GNTST_bad_domain,
      function* (g) {
        return (yield* map(g, 77, 9, 20)).status;
      },
    ],
    [
      'of a reference beyond the table is a bad reference',
      GNTST_bad_gntref,
      function* (g) {
        return (yield* map(g, g.domainId, 512, 20)).status;
      },
    ],
    [
      'of an entry that is not filled in is a general error',
      GNTST_general_error,
      function* (g) {
        return (yield* map(g, g.domainId, 9, 20)).status;
      },
    ],
    [
      'of a grant to somebody else is a general error',
      GNTST_general_error,
      function* (g) {
        yield* showTable(g);
        grant(g, 9, BYSTANDER, 5);
        return (yield* map(g, g.domainId, 9, 20)).status;
      },
    ],
    [
      'of a frame the granter does not have is a bad page',
      GNTST_bad_page,
      function* (g) {
        yield* showTable(g);
        grant(g, 9, g.domainId, 4000);
        return (yield* map(g, g.domainId, 9, 20)).status;
      },
    ],
    [
      'without host or device mapping is a bad reference',
      GNTST_bad_gntref,
      function* (g) {
        return (yield* map(g, g.domainId, 9, 20, 0)).status;
      },
    ],
    [
      'into page-table entries is a general error for a translated guest',
      GNTST_general_error,
      function* (g) {
        return (yield* map(g, g.domainId, 9, 20, GNTMAP_host_map | GNTMAP_contains_pte)).status;
      },
    ],
    [
      'for devices is a general error for a translated guest',
      GNTST_general_error,
      function* (g) {
        return (yield* map(g, g.domainId, 9, 20, GNTMAP_device_map)).status;
      },
    ],
    [
      'at a guest frame that cannot exist is a general error',
      GNTST_general_error,
      function* (g) {
        yield* showTable(g);
        grant(g, 9, g.domainId, 5);
        return (yield* map(g, g.domainId, 9, 0x10_0000)).status;
      },
    ],
    [
      'where another grant is mapped is a general error',
      [GNTST_okay, GNTST_general_error],
      function* (g) {
        yield* showTable(g);
        grant(g, 9, g.domainId, 5);
        return [
          (yield* map(g, g.domainId, 9, 20)).status,
          (yield* map(g, g.domainId, 9, 20)).status,
        ];
      },
    ],
    [
      'beyond the limit of mappings finds no device space',
      [GNTST_okay, GNTST_no_device_space],
      function* (g) {
        yield* showTable(g);
        grant(g, 9, g.domainId, 5);
        return [
          (yield* map(g, g.domainId, 9, 20)).status,
          (yield* map(g, g.domainId, 9, 21)).status,
        ];
      },
      { limits: { maxMappings: 1 } },
    ],
    [
      'of a sub-page grant is a general error',
      GNTST_general_error,
      function* (g) {
        yield* setVersion(g, 2);
        yield* showTable(g);
        grantV2(g, 9, [(g.domainId << 16) | GTF_permit_access | GTF_sub_page, 0x0100_0000, 5, 0]);
        return (yield* map(g, g.domainId, 9, 20)).status;
      },
    ],
    [
      'of a version 2 grant maps it',
      GNTST_okay,
      function* (g) {
        yield* setVersion(g, 2);
        yield* showTable(g);
        grantV2(g, 9, [(g.domainId << 16) | GTF_permit_access, 0, 5, 0]);
        return (yield* map(g, g.domainId, 9, 20)).status;
      },
    ],
  ]);
});

describe('GNTTABOP_unmap_grant_ref', () => {
  hypercallContract([
    [
      'unmaps, and the grant is no longer in use',
      [GNTST_okay, GTF_permit_access],
      function* (g) {
        yield* showTable(g);
        grant(g, 9, g.domainId, 5);
        const { handle } = yield* map(g, g.domainId, 9, 20);
        return [yield* unmap(g, handle, 20), flagsOf(g, 9)];
      },
    ],
    ['of a handle there is not is a bad handle', GNTST_bad_handle, (g) => unmap(g, 5, 20)],
    [
      'of a handle that was unmapped is a bad handle',
      GNTST_bad_handle,
      function* (g) {
        yield* showTable(g);
        grant(g, 9, g.domainId, 5);
        const { handle } = yield* map(g, g.domainId, 9, 20);
        yield* unmap(g, handle, 20);
        return yield* unmap(g, handle, 20);
      },
    ],
    [
      'with another address is a general error',
      GNTST_general_error,
      function* (g) {
        yield* showTable(g);
        grant(g, 9, g.domainId, 5);
        const { handle } = yield* map(g, g.domainId, 9, 20);
        return yield* unmap(g, handle, 21);
      },
    ],
    [
      'with address 0 does nothing',
      [GNTST_okay, GNTST_okay],
      function* (g) {
        yield* showTable(g);
        grant(g, 9, g.domainId, 5);
        const { handle } = yield* map(g, g.domainId, 9, 20);
        return [yield* unmap(g, handle, 0), yield* unmap(g, handle, 20)];
      },
    ],
    [
      'of one of two mappings leaves the grant in use',
      GTF_permit_access | GTF_reading,
      function* (g) {
        yield* showTable(g);
        grant(g, 9, g.domainId, 5);
        const { handle } = yield* map(g, g.domainId, 9, 20);
        yield* mapReadOnly(g, g.domainId, 9, 21);
        yield* unmap(g, handle, 20);
        return flagsOf(g, 9);
      },
    ],
    [
      'unmap_and_replace is refused',
      GNTST_general_error,
      function* (g) {
        const made = yield* g.grantOp(GNTTABOP_unmap_and_replace, gnttab_unmap_and_replace, {
          handle: 0,
        });
        return made.get('status');
      },
    ],
    [
      'transfer is refused and the frame stays',
      [GNTST_bad_page, 0],
      function* (g) {
        const made = yield* g.grantOp(GNTTABOP_transfer, gnttab_transfer, {
          mfn: 5,
          domid: BYSTANDER,
        });
        return [made.get('status'), g.read32(5 * 4096)];
      },
    ],
  ]);
});
