// Conformance of grant_table_op: copies.
import {
  GNTCOPY_dest_gref,
  GNTCOPY_source_gref,
  GNTST_bad_copy_arg,
  GNTST_bad_domain,
  GNTST_bad_gntref,
  GNTST_bad_page,
  GNTST_general_error,
  GNTST_okay,
  GNTST_permission_denied,
  GTF_permit_access,
  GTF_readonly,
  GTF_sub_page,
  GTF_transitive,
} from '@proxeny/abi';
import { describe } from 'vitest';
import { BYSTANDER, hypercallContract } from './conformance-case.js';
import { copy, DOMID_SELF, grant, grantV2, setVersion, showTable } from './grant-calls.js';

describe('GNTTABOP_copy', () => {
  const whole = { domid: DOMID_SELF, offset: 0 };
  hypercallContract([
    [
      'between own frames copies',
      [GNTST_okay, 0xabcd],
      function* (g) {
        g.write32(4 * 4096 + 8, 0xabcd);
        const status = yield* copy(g, {
          source: { u: { gmfn: 4 }, domid: DOMID_SELF, offset: 8 },
          dest: { u: { gmfn: 5 }, domid: DOMID_SELF, offset: 100 },
          len: 4,
        });
        return [status, g.read32(5 * 4096 + 100)];
      },
    ],
    [
      'beyond the end of a page is a bad copy argument',
      GNTST_bad_copy_arg,
      (g) =>
        copy(g, {
          source: { ...whole, u: { gmfn: 4 }, offset: 4000 },
          dest: { ...whole, u: { gmfn: 5 } },
          len: 97,
        }),
    ],
    [
      'from a frame of another domain is denied',
      GNTST_permission_denied,
      (g) =>
        copy(g, {
          source: { u: { gmfn: 4 }, domid: BYSTANDER, offset: 0 },
          dest: { ...whole, u: { gmfn: 5 } },
          len: 4,
        }),
    ],
    [
      'from a frame there is not is a bad page',
      GNTST_bad_page,
      (g) =>
        copy(g, {
          source: { ...whole, u: { gmfn: 4000 } },
          dest: { ...whole, u: { gmfn: 5 } },
          len: 4,
        }),
    ],
    [
      'from a grant of a domain that does not exist is a bad domain',
      GNTST_bad_domain,
      (g) =>
        copy(g, {
          source: { u: { ref: 1 }, domid: 77, offset: 0 },
          dest: { ...whole, u: { gmfn: 5 } },
          len: 4,
          flags: GNTCOPY_source_gref,
        }),
    ],
    [
      'from a reference beyond the table is a bad reference',
      GNTST_bad_gntref,
      (g) =>
        copy(g, {
          source: { ...whole, u: { ref: 100_000 } },
          dest: { ...whole, u: { gmfn: 5 } },
          len: 4,
          flags: GNTCOPY_source_gref,
        }),
    ],
    [
      'to a read-only grant is a general error',
      GNTST_general_error,
      function* (g) {
        yield* showTable(g);
        grant(g, 9, g.domainId, 5, GTF_readonly);
        return yield* copy(g, {
          source: { ...whole, u: { gmfn: 4 } },
          dest: { ...whole, u: { ref: 9 } },
          len: 4,
          flags: GNTCOPY_dest_gref,
        });
      },
    ],
    [
      'to a grant copies into its page',
      [GNTST_okay, 77],
      function* (g) {
        yield* showTable(g);
        grant(g, 9, g.domainId, 5);
        g.write32(4 * 4096, 77);
        const status = yield* copy(g, {
          source: { ...whole, u: { gmfn: 4 } },
          dest: { ...whole, u: { ref: 9 } },
          len: 4,
          flags: GNTCOPY_dest_gref,
        });
        return [status, g.read32(5 * 4096)];
      },
    ],
    [
      'within a sub-page grant copies',
      GNTST_okay,
      function* (g) {
        yield* setVersion(g, 2);
        yield* showTable(g);
        grantV2(g, 9, [
          (g.domainId << 16) | GTF_permit_access | GTF_sub_page,
          (64 << 16) | 128,
          5,
          0,
        ]);
        return yield* copy(g, {
          source: { ...whole, u: { ref: 9 }, offset: 128 },
          dest: { ...whole, u: { gmfn: 6 } },
          len: 64,
          flags: GNTCOPY_source_gref,
        });
      },
    ],
    [
      'outside of a sub-page grant is a general error',
      GNTST_general_error,
      function* (g) {
        yield* setVersion(g, 2);
        yield* showTable(g);
        grantV2(g, 9, [
          (g.domainId << 16) | GTF_permit_access | GTF_sub_page,
          (64 << 16) | 128,
          5,
          0,
        ]);
        return yield* copy(g, {
          source: { ...whole, u: { ref: 9 }, offset: 128 },
          dest: { ...whole, u: { gmfn: 6 } },
          len: 65,
          flags: GNTCOPY_source_gref,
        });
      },
    ],
    [
      'through a transitive grant to oneself is a general error',
      GNTST_general_error,
      function* (g) {
        yield* setVersion(g, 2);
        yield* showTable(g);
        grantV2(g, 9, [(g.domainId << 16) | GTF_transitive, g.domainId, 9, 0]);
        return yield* copy(g, {
          source: { ...whole, u: { ref: 9 } },
          dest: { ...whole, u: { gmfn: 6 } },
          len: 4,
          flags: GNTCOPY_source_gref,
        });
      },
    ],
  ]);
});
