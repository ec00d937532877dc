// `--share DIR:TAG[,ro]`: a folder of the host's, which a PC's guest mounts by its tag.
import { type PcShare, SharedFolder } from '@proxeny/machine';
import { usageError } from './command-error.js';

/** Opened folders, to be closed after the guest. */
export interface OpenShares {
  readonly shares: readonly PcShare[];
  close(): void;
}

/**
 * Opens every folder of a command line, or none.
 * @throws CommandError that names the folder
 */
export function openShares(texts: readonly string[]): OpenShares {
  const open: { readonly tag: string; readonly files: SharedFolder }[] = [];
  const close = (): void => {
    for (const { files } of open) files.close();
  };
  try {
    for (const text of texts) {
      const { path, tag, isReadOnly } = parseShare(text);
      if (open.some((other) => other.tag === tag))
        throw usageError(`--share '${text}': ${tag} is another folder already`);
      open.push({ tag, files: openFolder(text, path, isReadOnly) });
    }
  } catch (error) {
    close();
    throw error;
  }
  return { shares: open, close };
}

/** @throws CommandError */
function parseShare(text: string): { path: string; tag: string; isReadOnly: boolean } {
  const [, path, tag, option] = /^(.+):([^:,]{1,31})(?:,(.*))?$/.exec(text) ?? [];
  if (path === undefined || tag === undefined)
    throw usageError(`--share '${text}': write it as FOLDER:TAG or FOLDER:TAG,ro`);
  if (option !== undefined && option !== 'ro')
    throw usageError(`--share '${text}': '${option}' is not known; use ro`);
  return { path, tag, isReadOnly: option === 'ro' };
}

function openFolder(text: string, path: string, isReadOnly: boolean): SharedFolder {
  try {
    return new SharedFolder(path, { isReadOnly });
  } catch (error) {
    throw usageError(`--share '${text}': ${error instanceof Error ? error.message : error}`);
  }
}
