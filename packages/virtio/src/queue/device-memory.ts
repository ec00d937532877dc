// DeviceMemory: what queues and devices need of a guest's memory.
import type { Gpa } from '@proxeny/memory';

export interface DeviceMemory {
  /**
   * The bytes of a range themselves, not a copy; null if they are not RAM in one piece. What is seen and done through a view is seen and
   * done in the guest for as long as the memory lives: memory that moves or grows cannot be used.
   * @param isReadOnly nothing will be written through the view
   */
  view(at: Gpa, byteLength: number, isReadOnly?: boolean): Uint8Array | null;
  /** A device changed bytes through a view: what was derived of them (translated code) is stale. */
  written(at: Gpa, byteLength: number): void;
  /** For memory that is lent to the device: a view that was asked for so is not used any more. */
  release?(at: Gpa, byteLength: number, isReadOnly: boolean): void;
}
