// A mixed load on the ext4 file system of a Linux guest that acknowledges each flush, and what must be there whenever it was interrupted.
//
// Three programs at once: one makes and removes files and syncs, one overwrites blocks of a file in random order with an fsync each, and one
// reads, drops caches and writes what nobody flushes. All that is acknowledged is told by the number of its step and the seed.
import { type DiskFiles, readExt4File } from '../boot/disk-image.js';
import type { GuestModules } from '../boot/kernel-modules.js';

const BLOCK_BYTES = 4096;
const BLOCKS = 1024;
const LINES = 2000;
/** Steps that the guest may have done before their acknowledgement has left it. */
const AHEAD = 4;

/** The numbers from `first` on, one a line. */
const numbers = (first: number, count: number): string =>
  Array.from({ length: count }, (_, i) => `${first + i}\n`).join('');

const blockContents = (step: number): string => numbers(step, BLOCK_BYTES).slice(0, BLOCK_BYTES);
/** What blocks hold before they are written. */
const INITIAL = 'initial '.repeat(BLOCK_BYTES / 8);

export class MixedLoad {
  /** What the file system holds at first. */
  static readonly files: DiskFiles = { blocks: INITIAL.repeat(BLOCKS), noise: '' };

  readonly #seed: number;
  /** The next boot's first step. */
  #first = 0;
  /** Whether a file is there, for those of which that is known. */
  readonly #files = new Map<number, boolean>();
  /** The last step that wrote a block; undefined: not known. */
  readonly #blocks = new Map<number, number | undefined>();

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** The guest's /init: the disk is vda. Its parameters come from {@link parameters}. */
  static init(modules: GuestModules): string {
    return `
mkdir -p /proc /sys /dev /mnt
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
${modules.load}
until [ -b /dev/vda ]; do sleep 1; done
mount -t ext4 -o discard /dev/vda /mnt && cd /mnt && echo MOUNTED
while true; do
  dd if=blocks of=/dev/null bs=64k skip=$((RANDOM % 64)) count=1 2>/dev/null
  dd if=/dev/urandom of=noise bs=16k seek=$((RANDOM % 256)) count=1 conv=notrunc 2>/dev/null
  echo 1 > /proc/sys/vm/drop_caches
  busybox usleep 20000
done &
n=$first
while true; do
  at=$(((n * 1103515245 + seed) / 65536 % ${BLOCKS}))
  seq $n $((n + ${BLOCK_BYTES})) | head -c ${BLOCK_BYTES} > /tmp/block
  dd if=/tmp/block of=blocks bs=${BLOCK_BYTES} seek=$at conv=notrunc,fsync 2>/dev/null && echo "WROTE $n."
  n=$((n + 1))
done &
n=$first
while true; do
  seq $n $((n + ${LINES - 1})) > file$n
  [ $((n % 2)) -eq 0 ] || rm -f file$((n - 3))
  sync; echo "SYNCED $n."
  n=$((n + 1))
done
`;
  }

  /** For the command line of the next boot's kernel, which hands them to /init. */
  get parameters(): string {
    return `first=${this.#first} seed=${this.#seed}`;
  }

  /** How many flushes a guest has acknowledged. */
  static acknowledged(stdout: string): number {
    return stdout.match(/(SYNCED|WROTE) \d+\./g)?.length ?? 0;
  }

  /** Takes note of a boot that was interrupted after it had printed this. */
  interrupted(stdout: string): void {
    let last = this.#first - 1;
    const steps = (name: string, done: (step: number) => void, begun: (step: number) => void) => {
      let next = this.#first;
      for (const [, step] of stdout.matchAll(new RegExp(`${name} (\\d+)\\.`, 'g'))) {
        done(Number(step));
        next = Number(step) + 1;
      }
      for (let ahead = 0; ahead < AHEAD; ahead++) begun(next + ahead);
      last = Math.max(last, next + AHEAD - 1);
    };
    steps(
      'SYNCED',
      (step) => {
        this.#files.set(step, true);
        if (step % 2 === 1) this.#files.set(step - 3, false);
      },
      (step) => this.#files.delete(step % 2 === 1 ? step - 3 : step),
    );
    steps(
      'WROTE',
      (step) => this.#blocks.set(this.#blockOf(step), step),
      (step) => this.#blocks.set(this.#blockOf(step), undefined),
    );
    this.#first = last + 1;
  }

  /** What of an ext4 image is not as it was flushed; its journal must have been replayed. */
  differences(image: string): string[] {
    const decoder = new TextDecoder('latin1');
    const differences: string[] = [];
    for (const [step, isThere] of this.#files) {
      const found = decoder.decode(readExt4File(image, `file${step}`));
      if (found !== (isThere ? numbers(step, LINES) : '')) differences.push(`file${step}`);
    }
    const blocks = decoder.decode(readExt4File(image, 'blocks'));
    for (let block = 0; block < BLOCKS; block++) {
      const step = this.#blocks.get(block);
      if (step === undefined && this.#blocks.has(block)) continue;
      const expected = step === undefined ? INITIAL : blockContents(step);
      const found = blocks.slice(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES);
      if (found !== expected) differences.push(`block ${block} of step ${step ?? 'none'}`);
    }
    return differences;
  }

  #blockOf(step: number): number {
    return Math.floor((step * 1103515245 + this.#seed) / 65536) % BLOCKS;
  }
}
