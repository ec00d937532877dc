// SharedFolder: a folder of the host's as the files of a 9P or FUSE server. Linux only. No path leads out of it (shared-node.ts);
// symbolic links are the guest's to follow, in its own view.
import * as fs from 'node:fs';
import type { FileNode, FileSystem } from '@proxeny/virtio';
import { DescriptorBudget } from './descriptor-budget.js';
import { O_CLOEXEC, O_PATH } from './held-file.js';
import { IdMap, type IdRange } from './id-map.js';
import { SharedNode } from './shared-node.js';

export interface SharedFolderOptions {
  /** Guests change nothing in it. */
  readonly isReadOnly?: boolean;
  /** Which of the host's users the guest's are; default: the same numbers. Whoever is not there is the guest's 65534. */
  readonly users?: readonly IdRange[];
  /** The same for groups. */
  readonly groups?: readonly IdRange[];
}

export class SharedFolder implements FileSystem {
  readonly #root: SharedNode;

  /**
   * Holds a folder.
   * @throws Error that names the path, and what to do
   */
  constructor(path: string, options: SharedFolderOptions = {}) {
    if (!fs.existsSync('/proc/self/fd'))
      throw new Error('folders can be shared on Linux only, with /proc mounted');
    const state = {
      isReadOnly: options.isReadOnly ?? false,
      budget: new DescriptorBudget(),
      known: new Map(),
      users: new IdMap(options.users ?? []),
      groups: new IdMap(options.groups ?? []),
      mayChown: process.geteuid?.() === 0,
    };
    const fd = fs.openSync(path, O_PATH | O_CLOEXEC | fs.constants.O_DIRECTORY);
    this.#root = SharedNode.root(state, fd);
  }

  root(): FileNode {
    return this.#root.share();
  }

  /** Lets go of the folder; what guests have open stays until they close it. */
  close(): void {
    this.#root.close();
  }
}
