// What one domain may use at most. The defaults are those of `xl`.

export interface DomainLimits {
  /** Frames of its reservation. */
  readonly maxFrames: number;
  /** The highest event channel port. */
  readonly maxPort: number;
  /** Frames of its grant table. */
  readonly maxGrantFrames: number;
  /** Mappings of others' grants it may hold at a time. */
  readonly maxMappings: number;
}

export const defaultLimits: DomainLimits = Object.freeze({
  maxFrames: 32_768,
  maxPort: 1023,
  maxGrantFrames: 64,
  maxMappings: 131_072,
});
