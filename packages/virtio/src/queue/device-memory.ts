// DeviceMemory: what queues and devices need of a guest's memory.
import type { Gpa } from '@proxeny/memory';

export interface DeviceMemory {
  /**
   * The bytes of a range themselves, not a copy; null if they are not RAM in one piece. What is seen and done through a view is seen and
   * done in the guest for as long as the memory lives: memory that moves or grows cannot be used.
   */
  view(at: Gpa, byteLength: number): Uint8Array | null;
  /** A device changed bytes through a view: what was derived of them (translated code) is stale. */
  written(at: Gpa, byteLength: number): void;
}
