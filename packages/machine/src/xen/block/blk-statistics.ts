// BlkStatistics: what one block device has done so far, as xentop shows it.

export class BlkStatistics {
  reads = 0;
  writes = 0;
  flushes = 0;
  discards = 0;
  sectorsRead = 0;
  sectorsWritten = 0;
  /** Requests that were answered with an error. */
  errors = 0;
}
