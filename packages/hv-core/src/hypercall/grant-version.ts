// grant_table_op: the operations whose record has no status of its own (set_version, get_version, cache_flush).
import {
  GNTTAB_CACHE_CLEAN,
  GNTTAB_CACHE_INVAL,
  GNTTABOP_cache_flush,
  GNTTABOP_get_version,
  GNTTABOP_set_version,
  gnttab_cache_flush,
  gnttab_get_version,
  gnttab_set_version,
  grant_table_ops,
  XEN_EINVAL,
  XEN_EOPNOTSUPP,
  XEN_EPERM,
} from '@proxeny/abi';
import { PAGE_SIZE } from '@proxeny/memory';
import { findTarget } from '../privilege.js';
import type { HypercallFrame } from './frame.js';
import type { Decoded, SubOperation } from './hypercall.js';
import { subOperations } from './record.js';

function setVersion(call: HypercallFrame): Decoded {
  const { version } = gnttab_set_version.of(call.word).fields;
  const wanted = version.get(call.view);
  const { grants } = call.domain;
  if (wanted !== 1 && wanted !== 2) return -XEN_EINVAL;
  const status = grants.checkVersion(wanted);
  if (status !== 0) return status;
  return () => {
    grants.setVersion(wanted);
    version.set(call.view, 0, grants.version);
    return 0;
  };
}

function getVersion(call: HypercallFrame): Decoded {
  const { fields } = gnttab_get_version.of(call.word);
  const target = findTarget(call.domain, fields.dom.get(call.view));
  if (typeof target === 'number') return target;
  return () => {
    fields.version.set(call.view, 0, target.grants.version);
    return 0;
  };
}

/** Caches of the machine are coherent: all that is left is the check of the arguments. */
function cacheFlush(call: HypercallFrame): Decoded {
  const { fields } = gnttab_cache_flush.of(call.word);
  const offset = fields.offset.get(call.view);
  const length = fields.length.get(call.view);
  const op = fields.op.get(call.view);
  if (offset >= PAGE_SIZE || length > PAGE_SIZE || offset + length > PAGE_SIZE) return -XEN_EINVAL;
  if (length === 0 || op === 0) return 0;
  // Both at once, and by grant reference, Xen does not do either.
  if (op === (GNTTAB_CACHE_CLEAN | GNTTAB_CACHE_INVAL)) return -XEN_EOPNOTSUPP;
  if ((op & ~(GNTTAB_CACHE_CLEAN | GNTTAB_CACHE_INVAL)) !== 0) return -XEN_EOPNOTSUPP;
  const address = fields.a.fields.dev_bus_addr.get(call.view);
  const mfn = Math.floor(address / PAGE_SIZE);
  const { frames } = call.hypervisor;
  const isOwn = mfn < frames.frameCount && frames.isOwnedBy(mfn, call.domain.id);
  const isMapped = [...call.domain.grants.mappings.all()].some((each) => each.mfn === mfn);
  if (!isOwn && !isMapped) return -XEN_EPERM;
  return op === GNTTAB_CACHE_CLEAN ? 0 : -XEN_EOPNOTSUPP;
}

export const grantVersionOperations: readonly (SubOperation | undefined)[] = subOperations(
  grant_table_ops,
  {
    [GNTTABOP_set_version]: setVersion,
    [GNTTABOP_get_version]: getVersion,
    [GNTTABOP_cache_flush]: cacheFlush,
  },
);
