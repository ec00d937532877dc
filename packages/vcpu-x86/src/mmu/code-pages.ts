// CodePages: which frames are behind the pages that code was fetched from lately, so that a search for a block need not walk page tables.
// Entries go when the jump cache's do, which caches the same answers: they are of the supervisor's code or of user mode's, and each kind
// is forgotten as a whole. And they go with a frame that is somebody else's now.
// @hot
const PAGES = 512;
/** Never equal to a key. */
const NO_KEY = -0.5;

export class CodePages {
  /** Page numbers, twice, with the level in bit 0: the supervisor's code first, then user mode's. */
  private readonly keys = new Float64Array(PAGES * 2).fill(NO_KEY);
  /** Machine addresses of frames. */
  private readonly hosts = new Float64Array(PAGES * 2);
  private readonly generations = new Float64Array(PAGES * 2);
  private systemGeneration = 0;
  private userGeneration = 0;
  /** By machine frame: it may be behind an entry; and, in 32 bits, in which generation the supervisor's code was last fetched from it. */
  private readonly held: Uint8Array;
  private readonly heldIn: Int32Array;

  constructor(frames: number) {
    this.held = new Uint8Array(frames);
    this.heldIn = new Int32Array(frames).fill(-1);
  }

  private static slot(page: number, asUser: boolean): number {
    return (page & (PAGES - 1)) + (asUser ? PAGES : 0);
  }

  /**
   * Machine address of the code byte at `linear`; -1 if that is not known.
   * @param user fetched at CPL 3
   * @param asUser of user mode's code: a paravirtual kernel's is not, though it runs at CPL 3
   */
  find(linear: number, user: boolean, asUser: boolean): number {
    const page = Math.floor(linear / 4096);
    const i = CodePages.slot(page, asUser);
    const generation = asUser ? this.userGeneration : this.systemGeneration;
    if (this.keys[i] !== page * 2 + (user ? 1 : 0) || this.generations[i] !== generation) return -1;
    return this.hosts[i] + (linear - page * 4096);
  }
  /** The frame at machine address `host` is behind the page of `linear`, and code may be fetched from it. */
  note(linear: number, host: number, user: boolean, asUser: boolean): void {
    const page = Math.floor(linear / 4096);
    const i = CodePages.slot(page, asUser);
    this.keys[i] = page * 2 + (user ? 1 : 0);
    this.hosts[i] = host;
    this.generations[i] = asUser ? this.userGeneration : this.systemGeneration;
    this.held[host >>> 12] = 1;
    if (!asUser) this.heldIn[host >>> 12] = this.systemGeneration | 0;
  }

  forgetSystem(): void {
    this.systemGeneration++;
  }
  forgetUser(): void {
    this.userGeneration++;
  }
  forgetFrame(host: number): void {
    const { held, keys, hosts } = this;
    if (held[host >>> 12] === 0) return;
    held[host >>> 12] = 0;
    for (let i = 0; i < hosts.length; i++) if (hosts[i] === host) keys[i] = NO_KEY;
  }
  /** Was the supervisor's code fetched from the frame since all of it was last forgotten? Never false if it was. */
  hasSystemCode(host: number): boolean {
    return this.heldIn[host >>> 12] === (this.systemGeneration | 0);
  }
}
