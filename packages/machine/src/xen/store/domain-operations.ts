// Domains come and go: INTRODUCE, RELEASE, RESUME, SET_TARGET, and what the host tells of itself. Only the control domain may ask.
import { INTRODUCE_DOMAIN, RELEASE_DOMAIN, type Store } from './store.js';
import type { StoreDomain } from './store-domain.js';
import type { StoreErrno } from './store-error.js';
import type { StoreNode } from './store-node.js';
import { childPath, homePath } from './store-path.js';

/** The domain's ring is connected (its session is open): tells who waits for that. */
export function noteIntroduced(store: Store, id: number): void {
  const domain = store.noteDomain(id);
  const isNew = !domain.isIntroduced;
  domain.isIntroduced = true;
  domain.hasShutDown = false;
  if (isNew) store.fire(null, INTRODUCE_DOMAIN, true);
}

/** The domain has shut down or crashed: tells who waits for that, once. */
export function noteShutdown(store: Store, id: number): void {
  const domain = store.domain(id);
  if (!domain?.isIntroduced || domain.hasShutDown) return;
  domain.hasShutDown = true;
  store.fire(null, RELEASE_DOMAIN, true);
}

/** The domain is gone: its session ends, its nodes go with all below them, and permissions for its number are nobody's. */
export function releaseDomain(store: Store, id: number): void {
  const domain = store.domain(id);
  if (!domain || id === 0) return;
  const session = store.sessionOf(id);
  if (session) store.closeSession(session);
  if (domain.nodes > 0) removeNodesOf(store, domain);
  store.forgetDomain(domain);
  for (const [name, { permissions, permissionsSince }] of store.specials) {
    if (permissions[0]?.domain !== id) continue;
    const [first, ...others] = permissions;
    store.specials.set(name, {
      permissions: [{ domain: 0, access: first.access }, ...others],
      permissionsSince,
    });
  }
  if (domain.isIntroduced) store.fire(null, RELEASE_DOMAIN, true);
}

/** Removes what the domain owns: as a rule all of it is in its home, and the rest of the store is not searched. */
function removeNodesOf(store: Store, domain: StoreDomain): void {
  for (const top of [homePath(domain.id), '/']) {
    if (domain.nodes === 0) return;
    const owned: string[] = [];
    const collect = (path: string, node: StoreNode): void => {
      if (node.owner === domain.id && path !== '/') owned.push(path);
      else for (const [name, child] of node.children) collect(childPath(path, name), child);
    };
    const node = store.tree.find(top);
    if (node) collect(top, node);
    for (const path of owned) {
      store.remove(null, path, (at, leaving) => store.fire(null, at, at !== path, leaving));
    }
  }
}

/** A domain whose ring is connected. */
export function connectedDomain(store: Store, id: number): StoreDomain | StoreErrno {
  const domain = store.domain(id);
  if (!domain?.isIntroduced) return 'ENOENT';
  return store.sessionOf(id) ? domain : 'EINVAL';
}

/** From now on, domain `id` may also do what domain `targetId` may. */
export function setTarget(store: Store, id: number, targetId: number): StoreErrno | null {
  const domain = connectedDomain(store, id);
  if (typeof domain === 'string') return domain;
  const target = connectedDomain(store, targetId);
  if (typeof target === 'string') return target;
  const session = store.sessionOf(id);
  if (session) session.target = target;
  return null;
}
