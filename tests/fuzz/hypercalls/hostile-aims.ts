// Aims: records changed so that they meet something there is: another's grant, a mapping to undo, a port that waits for this domain, a
// root of page tables. Guests learn of such things from each other; by chance alone they would hardly ever meet.
import {
  EVTCHNSTAT_unbound,
  evtchn_bind_interdomain,
  GNTCOPY_source_gref,
  GTF_type_mask,
  gnttab_copy,
  gnttab_map_grant_ref,
  gnttab_unmap_grant_ref,
  MMUEXT_NEW_BASEPTR,
  MMUEXT_NEW_USER_BASEPTR,
  mmuext_op,
} from '@proxeny/abi';
import type { HostileValues } from './hostile-values.js';

interface Grant {
  readonly domain: number;
  readonly ref: number;
}

/** Some grant to the caller, among the first entries of all tables. */
function findGrant(values: HostileValues): Grant | null {
  const { domain, random } = values;
  const found: Grant[] = [];
  for (const owner of domain.hypervisor.domains) {
    const { entries } = owner.grants;
    for (let ref = 0; ref < Math.min(24, entries.count); ref++) {
      const isGrant = (entries.flags(ref) & GTF_type_mask) !== 0;
      if (isGrant && entries.grantee(ref) === domain.id) found.push({ domain: owner.id, ref });
    }
  }
  return found.length > 0 ? random.pick(found) : null;
}

type Aim = (values: HostileValues, view: DataView) => void;

const aimMap: Aim = (values, view) => {
  const { fields } = gnttab_map_grant_ref.of(values.domain.word);
  const grant = findGrant(values);
  if (!grant) return;
  fields.dom.set(view, 0, grant.domain);
  fields.ref.set(view, 0, grant.ref);
  fields.flags.set(view, 0, values.random.pick([2, 2, 6, 6, 3, 18, 22, 7]));
  if ((fields.flags.get(view) & 16) === 0) {
    fields.host_addr.set(view, 0, (22 + values.random.below(14)) * 4096);
    return;
  }
  const l1 = values.vcpu.pageWalk?.findL1(4096, false) ?? -1;
  fields.host_addr.set(view, 0, Math.max(0, l1) * 4096 + (22 + values.random.below(14)) * 8);
};

const aimUnmap: Aim = (values, view) => {
  const mappings = [...values.domain.grants.mappings.all()];
  if (mappings.length === 0) return;
  const { fields } = gnttab_unmap_grant_ref.of(values.domain.word);
  const mapping = values.random.pick(mappings);
  fields.handle.set(view, 0, mapping.handle);
  fields.host_addr.set(
    view,
    0,
    mapping.isHost && !values.random.oneIn(4) ? mapping.hostAddress : 0,
  );
  const isDevice = mapping.isDevice && !values.random.oneIn(4);
  fields.dev_bus_addr.set(view, 0, isDevice ? mapping.mfn * 4096 : 0);
};

const aimCopy: Aim = (values, view) => {
  const { fields } = gnttab_copy.of(values.domain.word);
  const grant = findGrant(values);
  if (!grant) return;
  const flags = 1 + values.random.below(3);
  fields.flags.set(view, 0, flags);
  const [end, other] =
    (flags & GNTCOPY_source_gref) !== 0
      ? [fields.source, fields.dest]
      : [fields.dest, fields.source];
  end.fields.domid.set(view, 0, grant.domain);
  end.fields.u.fields.ref.set(view, 0, grant.ref);
  const further = flags === 3 ? findGrant(values) : null;
  other.fields.domid.set(view, 0, further?.domain ?? 0x7ff0);
  if (further) other.fields.u.fields.ref.set(view, 0, further.ref);
  for (const side of [end, other]) side.fields.offset.set(view, 0, values.random.below(64) * 8);
  fields.len.set(view, 0, values.random.below(2048));
};

const aimBind: Aim = (values, view) => {
  const { domain, random } = values;
  const { fields } = evtchn_bind_interdomain.of(domain.word);
  const found: [number, number][] = [];
  for (const remote of domain.hypervisor.domains) {
    for (const channel of remote.events.open()) {
      if (channel.state === EVTCHNSTAT_unbound && channel.remoteDomain === domain.id)
        found.push([remote.id, channel.port]);
    }
  }
  if (found.length === 0) return;
  const [dom, port] = random.pick(found);
  fields.remote_dom.set(view, 0, dom);
  fields.remote_port.set(view, 0, port);
};

const aimRoot: Aim = (values, view) => {
  const { fields } = mmuext_op.of(values.domain.word);
  const cmd = fields.cmd.get(view);
  if (cmd !== MMUEXT_NEW_BASEPTR && cmd !== MMUEXT_NEW_USER_BASEPTR) return;
  const { frames } = values.domain.hypervisor;
  const roots: number[] = [0];
  for (let mfn = values.domain.frames.first, i = 0; i < values.domain.frames.count; i++) {
    if (frames.typeReferences[mfn] !== 0 && (frames.type[mfn] === 4 || frames.type[mfn] === 3))
      roots.push(mfn);
    mfn = frames.nextOwned(mfn);
  }
  fields.arg1.fields.mfn.set(view, 0, values.random.pick(roots));
};

const aims: Readonly<Record<string, Aim | undefined>> = {
  gnttab_map_grant_ref: aimMap,
  gnttab_unmap_grant_ref: aimUnmap,
  gnttab_copy: aimCopy,
  evtchn_bind_interdomain: aimBind,
  mmuext_op: aimRoot,
};

/** Changes two of three records of the C type `name` so. */
export function aimRecord(values: HostileValues, name: string, view: DataView): void {
  if (!values.random.oneIn(3)) aims[name]?.(values, view);
}
