// DescriptorBudget: how many descriptors guests have open of one shared folder. When there are too many, those used longest ago are
// closed, and opened again when they are needed.
import { ENFILE, FileError } from '@proxeny/virtio';

/** Of files that are known, and of files that are opened. */
const MAX_DESCRIPTORS = 2048;
/** Directories that are opened again at once, one in the other. */
const MAX_DEPTH = 256;

/** What may have a descriptor. */
export interface DescriptorHolder {
  /** Closes it, if it can be opened again; returns whether. */
  letGo(): boolean;
}

export class DescriptorBudget {
  /** Those with a descriptor; the one used longest ago first. */
  readonly #open: Set<DescriptorHolder> = new Set();
  #openFiles = 0;
  #depth = 0;

  /** A holder has used its descriptor, or got one. */
  used(holder: DescriptorHolder): void {
    this.#open.delete(holder);
    this.#open.add(holder);
  }

  closed(holder: DescriptorHolder): void {
    this.#open.delete(holder);
  }

  /**
   * Closes what is open in excess, and room for `wanted` descriptors more.
   * @throws FileError with ENFILE when there is none
   */
  makeRoom(wanted: number): void {
    let excess = this.#open.size + this.#openFiles + wanted - MAX_DESCRIPTORS;
    if (excess <= 0) return;
    // Each is looked at once: those that stay come to the end.
    for (const holder of [...this.#open]) {
      this.#open.delete(holder);
      if (!holder.letGo()) this.#open.add(holder);
      else if (--excess <= 0) return;
    }
    if (wanted > 0) throw new FileError(ENFILE, 'too many files are open');
  }

  /** Opens the directory of something that is to be opened again, which may have to be opened itself: so deep, and no deeper. */
  within<T>(open: () => T): T {
    if (this.#depth >= MAX_DEPTH) throw new FileError(ENFILE, 'too many directories are closed');
    this.#depth++;
    try {
      return open();
    } finally {
      this.#depth--;
    }
  }

  fileOpened(): void {
    this.#openFiles++;
  }

  fileClosed(): void {
    this.#openFiles--;
  }
}
