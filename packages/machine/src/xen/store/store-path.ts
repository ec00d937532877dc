// Paths: absolute ones start with a slash, relative ones count from their domain's home, and names that start with @ are for watches.
// docs/misc/xenstore.txt, "Paths are /-separated"; what is too long is as in xenstored: the path below a home, or else all of it.
import { XENSTORE_REL_PATH_MAX } from '@proxeny/abi';

const ALLOWED = /^[-A-Za-z0-9/_@]+$/;
const HOME = /^\/local\/domain\/\d{1,5}\//;

/** Where relative paths of `domain` start. */
export function homePath(domain: number): string {
  return `/local/domain/${domain}`;
}

/** Whether the name is for watches, and not of a node. */
export function isSpecial(path: string): boolean {
  return path.startsWith('@');
}

/** The absolute path, or null for what is no path. `home` is the caller's. */
export function canonicalPath(path: string, home: string): string | null {
  if (!ALLOWED.test(path) || isSpecial(path)) return null;
  const full = path.startsWith('/') ? path : `${home}/${path}`;
  if (full === '/') return full;
  if (full.endsWith('/') || full.includes('//')) return null;
  const prefix = HOME.exec(full)?.[0].length ?? 0;
  return full.length - prefix > XENSTORE_REL_PATH_MAX ? null : full;
}

/** The parent's path; the root is its own. */
export function parentPath(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash <= 0 ? '/' : path.slice(0, slash);
}

export function childPath(path: string, name: string): string {
  return path === '/' ? `/${name}` : `${path}/${name}`;
}

/** The last name. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Names from the root down; none for the root. */
export function namesOf(path: string): string[] {
  return path === '/' ? [] : path.slice(1).split('/');
}
