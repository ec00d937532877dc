// Who may read and write a node. The first entry names the owner, who may do everything, and what domains without an entry of their
// own may do; an entry of its own overrides that. docs/misc/xenstore.txt, GET_PERMS.

export const ACCESS_READ = 1;
export const ACCESS_WRITE = 2;
/** May change permissions. No entry grants it: owners have it. */
export const ACCESS_OWNER = 4;

/** One entry. */
export interface Permission {
  readonly domain: number;
  /** ACCESS_READ and ACCESS_WRITE. */
  readonly access: number;
}

const LETTERS = 'nrwb';

/** As on the wire: `r5`. */
export function formatPermission(permission: Permission): string {
  return `${LETTERS[permission.access]}${permission.domain}`;
}

/** @returns null for what is no permission */
export function parsePermission(text: string): Permission | null {
  const match = /^([nrwb])(\d{1,5})$/.exec(text);
  if (!match) return null;
  const domain = Number(match[2]);
  return domain > 0xffff ? null : { domain, access: LETTERS.indexOf(match[1] as string) };
}
