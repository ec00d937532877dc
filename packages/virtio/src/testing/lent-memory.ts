// LentMemory: memory that counts the views that are held of it, as a guest's granted pages do; for tests.
import { FlatMemory, type Gpa } from '@proxeny/memory';

export class LentMemory extends FlatMemory {
  /** Views that are held, by what was asked for. */
  readonly held: Map<string, number> = new Map();

  override view(at: Gpa, byteLength: number, isReadOnly = false): Uint8Array | null {
    const bytes = super.view(at, byteLength);
    if (bytes !== null) this.#count(at, byteLength, isReadOnly, 1);
    return bytes;
  }

  release(at: Gpa, byteLength: number, isReadOnly: boolean): void {
    this.#count(at, byteLength, isReadOnly, -1);
  }

  #count(at: number, byteLength: number, isReadOnly: boolean, change: number): void {
    const name = `${at}+${byteLength}${isReadOnly ? ' read' : ''}`;
    const count = (this.held.get(name) ?? 0) + change;
    if (count < 0) throw new Error(`${name} is not held`);
    if (count === 0) this.held.delete(name);
    else this.held.set(name, count);
  }
}
