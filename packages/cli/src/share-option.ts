// `--share DIR:TAG[,ro][,fs=9p|virtiofs][,uid=HOST:GUEST[:COUNT]][,gid=…]`: a folder of the host's, which a PC's guest mounts by its tag.
import { type IdRange, type PcShare, SharedFolder, type ShareProtocol } from '@proxeny/machine/pc';
import { usageError } from './command-error.js';

/** Opened folders, to be closed after the guest. */
export interface OpenShares {
  readonly shares: readonly PcShare[];
  close(): void;
}

/** A folder as it was asked for. */
interface ShareWish {
  readonly path: string;
  readonly tag: string;
  readonly isReadOnly: boolean;
  readonly protocol: ShareProtocol;
  readonly users: readonly IdRange[];
  readonly groups: readonly IdRange[];
}

const protocols: readonly ShareProtocol[] = ['9p', 'virtiofs'];
const known = `ro, fs=${protocols.join('|')}, uid=HOST:GUEST[:COUNT] or gid=HOST:GUEST[:COUNT]`;

/** Of UTF-8: what drivers of both protocols take. */
const MAX_TAG_BYTES = 31;

/**
 * Opens every folder of a command line, or none.
 * @throws CommandError that names the folder
 */
export function openShares(texts: readonly string[]): OpenShares {
  const open: (PcShare & { readonly files: SharedFolder })[] = [];
  const close = (): void => {
    for (const { files } of open) files.close();
  };
  try {
    for (const text of texts) {
      const wish = parseShare(text);
      const { tag, protocol } = wish;
      if (open.some((other) => other.tag === tag))
        throw usageError(`--share '${text}': ${tag} is another folder already`);
      open.push({ tag, protocol, files: openFolder(text, wish) });
    }
  } catch (error) {
    close();
    throw error;
  }
  return { shares: open, close };
}

/** @throws CommandError */
function parseShare(text: string): ShareWish {
  const [, path, tag, rest] = /^(.+?):([^:,]+)((?:,[^,]*)*)$/.exec(text) ?? [];
  if (path === undefined || tag === undefined)
    throw usageError(`--share '${text}': write it as FOLDER:TAG or FOLDER:TAG,ro`);
  if (Buffer.byteLength(tag) > MAX_TAG_BYTES)
    throw usageError(`--share '${text}': a tag has at most ${MAX_TAG_BYTES} bytes`);
  const ids: Record<'uid' | 'gid', IdRange[]> = { uid: [], gid: [] };
  let [isReadOnly, protocol]: [boolean, ShareProtocol] = [false, '9p'];
  for (const option of (rest ?? '').split(',').slice(1)) {
    const [key, value = ''] = option.split('=', 2);
    const chosen = protocols.find((each) => option === `fs=${each}`);
    if (option === 'ro') isReadOnly = true;
    else if (chosen) protocol = chosen;
    else if (key === 'uid' || key === 'gid') ids[key].push(parseRange(text, option, value));
    else throw usageError(`--share '${text}': '${option}' is not known; use ${known}`);
  }
  return { path, tag, isReadOnly, protocol, users: ids.uid, groups: ids.gid };
}

/** @throws CommandError */
function parseRange(text: string, option: string, value: string): IdRange {
  const [, host, guest, count = '1'] = /^(\d{1,10}):(\d{1,10})(?::(\d{1,10}))?$/.exec(value) ?? [];
  if (host === undefined || guest === undefined)
    throw usageError(
      `--share '${text}': '${option}' is not known; write uid=1000:0, the host's number before the guest's`,
    );
  return { host: Number(host), guest: Number(guest), count: Number(count) };
}

function openFolder(text: string, { path, ...options }: ShareWish): SharedFolder {
  try {
    return new SharedFolder(path, options);
  } catch (error) {
    throw usageError(`--share '${text}': ${error instanceof Error ? error.message : error}`);
  }
}
