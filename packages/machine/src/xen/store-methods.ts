// The store's part of what a running machine can be asked from outside: xs.read, xs.write, xs.tree, xs.watch. Values are strings whose
// characters are bytes, so that all of them survive.
import { ControlError, type ControlMethods, stringParam } from '../control-method.js';
import type { StoreClient } from './store/store-client.js';
import { StoreError } from './store/store-error.js';
import { bytesOf, textOf } from './store/store-text.js';

/** One node of xs.tree. */
export interface StoreEntry {
  readonly path: string;
  /** Each character is a byte. */
  readonly value: string;
  /** As `['n0', 'r5']`. */
  readonly permissions: readonly string[];
}

function asked<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof StoreError) throw new ControlError(error.code, error.message);
    throw error;
  }
}

function tree(client: StoreClient, path: string): StoreEntry[] | null {
  const value = client.readBytes(path);
  if (!value) return null;
  const entries: StoreEntry[] = [];
  const visit = (at: string): void => {
    const own = client.readBytes(at);
    if (own)
      entries.push({ path: at, value: textOf(own), permissions: client.permissions(at) ?? [] });
    for (const name of client.list(at) ?? []) visit(at === '/' ? `/${name}` : `${at}/${name}`);
  };
  visit(path);
  return entries;
}

/** `onChange` is called after each change, which a domain may wait for. */
export function storeMethods(client: StoreClient, onChange: () => void = () => {}): ControlMethods {
  return {
    /** The value, or null. */
    'xs.read': (params) =>
      asked(() => {
        const bytes = client.readBytes(stringParam(params, 'path'));
        return bytes && textOf(bytes);
      }),
    'xs.write': (params) => {
      const value = stringParam(params, 'value');
      if (/[^\0-\xff]/.test(value)) throw new ControlError('bad-params', "'value' must be bytes");
      asked(() => client.write(stringParam(params, 'path'), bytesOf(value)));
      onChange();
    },
    /** The node and all below it, or null. */
    'xs.tree': (params) => asked(() => tree(client, stringParam(params, 'path'))),
    /** Sends the path of each change until the caller has enough. */
    'xs.watch': async (params, stream) => {
      const path = stringParam(params, 'path');
      const stop = asked(() => client.watch(path, (changed) => stream.send(changed)));
      await stream.closed;
      stop();
    },
  };
}
