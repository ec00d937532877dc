// ByteFile: bytes that an image format is kept in, whatever holds them: a file of the host, an export of a network block device, memory.
// Invariants: writes that were done are seen by later reads in the order in which they were done; they outlive the host after `flush`.

/** Every promise rejects with a BlockError and nothing else; buffers belong to the file until the promise settles. */
export interface ByteFile {
  /** For messages: a path or an address. */
  readonly name: string;
  /** How long it is now. */
  readonly byteLength: number;
  /** Changes are refused with `read-only`. */
  readonly isReadOnly: boolean;
  /** Fills `target` with the bytes from `at` on. @returns how many there were: fewer than asked for only where the file ends */
  read(at: number, target: Uint8Array): Promise<number>;
  /** Fills `targets` with the bytes from `at` on within the call. False: the host does not have all at hand. Never throws. */
  readNow?(at: number, targets: readonly Uint8Array[]): boolean;
  /** Stores `sources`, likewise; a part may have been stored when it says no. */
  writeNow?(at: number, sources: readonly Uint8Array[]): boolean;
  /** A write beyond the end makes the file longer, where that can be done; what was not written reads as zeroes. */
  write(at: number, source: Uint8Array): Promise<void>;
  /** The range reads as zeroes from now on; it lies inside the file. */
  writeZeroes(at: number, byteLength: number): Promise<void>;
  /** Nobody needs the range any more: it reads as before or as zeroes; it lies inside the file. */
  discard(at: number, byteLength: number): Promise<void>;
  /** Cuts the file off, or adds zeroes. */
  resize(byteLength: number): Promise<void>;
  /** What was written before the call is on stable storage. */
  flush(): Promise<void>;
  /** Lets go of the host's resources, without a flush. */
  close(): Promise<void>;
}

/** As `read`, with zeroes for what lies beyond the file's end. */
export async function readPadded(file: ByteFile, at: number, target: Uint8Array): Promise<void> {
  const count = at < file.byteLength ? await file.read(at, target) : 0;
  if (count < target.byteLength) target.fill(0, count);
}
