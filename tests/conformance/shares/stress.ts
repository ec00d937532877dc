// The same random operations on a folder and through a share of another one: every outcome is compared, and the trees at the end.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SharedFolder } from '@proxeny/machine';
import type { FileSystem } from '@proxeny/virtio';
import type { FileClient } from './file-client.js';
import { FuseClient } from './fuse-client.js';
import { HostFolder } from './host-folder.js';
import { OperationSource } from './operation.js';
import { P9Client } from './p9-client.js';
import { ShareFolder } from './share-folder.js';
import { treeOf } from './tree.js';

/** A client for each protocol. */
export const clients: Readonly<
  Record<string, (files: FileSystem, isPacked: boolean) => FileClient>
> = {
  '9P': (files, isPacked) => new P9Client(files, isPacked),
  'virtio-fs': (files, isPacked) => new FuseClient(files, isPacked),
};

export interface StressResult {
  /** How many of each operation were done, rather than refused. */
  readonly done: Readonly<Record<string, number>>;
  /** What the two trees are, line by line. */
  readonly expected: readonly string[];
  readonly found: readonly string[];
}

/**
 * Does `count` operations.
 * @throws Error that names the seed and the operation whose outcomes differ
 */
export function stress(protocol: string, seed: number, count: number): StressResult {
  const outside = mkdtempSync(join(tmpdir(), 'share-stress-'));
  const [plain, shown] = ['plain', 'shown'].map((name) => join(outside, name));
  for (const folder of [plain, shown]) mkdirSync(folder);
  const shared = new SharedFolder(shown);
  const host = new HostFolder(plain);
  const share = new ShareFolder(clients[protocol](shared, seed % 2 === 0));
  const source = new OperationSource(seed);
  const done: Record<string, number> = {};
  try {
    for (let i = 0; i < count; i++) {
      const operation = source.next();
      const expected = host.do(operation, seed + i);
      const found = share.do(operation, seed + i);
      if (found !== expected)
        throw new Error(
          `${protocol}, seed ${seed}, operation ${i}, ${JSON.stringify(operation)}: ${found}, on the host ${expected}`,
        );
      if (expected.startsWith('errno')) continue;
      done[operation.what] = (done[operation.what] ?? 0) + 1;
      source.done(operation);
    }
    share.close();
    host.close();
    return { done, expected: treeOf(plain), found: treeOf(shown) };
  } finally {
    shared.close();
    rmSync(outside, { recursive: true });
  }
}
