// StoreDomain: what the store knows of a domain and what it counts against its limits.

export class StoreDomain {
  readonly id: number;
  /** The store's generation when the domain came: permissions given earlier to its number were another's. */
  readonly generation: number;
  /** Nodes it owns. */
  nodes = 0;
  /** What it takes of the host's memory, roughly. */
  bytes = 0;
  isIntroduced = false;
  /** Its shutdown was announced. */
  hasShutDown = false;

  constructor(id: number, generation: number) {
    this.id = id;
    this.generation = generation;
  }
}
