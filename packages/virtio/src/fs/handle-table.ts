// HandleTable: the files and directories that a FUSE client has open, by their numbers.
import { FileError, type FileNode, type OpenFile } from '../files/file-system.js';
import { EBADF, ENFILE } from '../spec/errno.js';

const MAX_HANDLES = 4096;

/** What is open: a file, or a directory, of which there is only the node. */
export interface Handle {
  readonly node: FileNode;
  readonly file: OpenFile | null;
}

export class HandleTable {
  readonly #handles: Map<number, Handle> = new Map();
  readonly #free: number[] = [];

  /**
   * Gives what is open a number; it becomes the table's own.
   * @throws FileError with ENFILE when there are too many
   */
  add(handle: Handle): number {
    if (this.#handles.size >= MAX_HANDLES) {
      release(handle);
      throw new FileError(ENFILE, 'too many files are open');
    }
    const number = this.#free.pop() ?? this.#handles.size + 1;
    this.#handles.set(number, handle);
    return number;
  }

  get(number: number): Handle {
    const handle = this.#handles.get(number);
    if (!handle) throw new FileError(EBADF, 'this handle is not known');
    return handle;
  }

  /** An open file. @throws FileError with EBADF for a directory too */
  file(number: number): OpenFile {
    const { file } = this.get(number);
    if (!file) throw new FileError(EBADF, 'this is a directory');
    return file;
  }

  /** Lets go; returns what it was. */
  remove(number: number): Handle {
    const handle = this.get(number);
    this.#handles.delete(number);
    this.#free.push(number);
    release(handle);
    return handle;
  }

  clear(): void {
    for (const handle of this.#handles.values()) release(handle);
    this.#handles.clear();
    this.#free.length = 0;
  }
}

function release({ node, file }: Handle): void {
  file?.close();
  node.close();
}
