import {
  BLKIF_DISCARD_SECURE,
  BLKIF_OP_FLUSH_DISKCACHE,
  BLKIF_OP_READ,
  BLKIF_OP_WRITE,
  BLKIF_OP_WRITE_BARRIER,
  BLKIF_RSP_EOPNOTSUPP,
  BLKIF_RSP_ERROR,
  BLKIF_RSP_OKAY,
  VDISK_CDROM,
  VDISK_READONLY,
} from '@proxeny/abi';
import type { Mfn } from '@proxeny/memory';
import { Blkfront } from '@proxeny/pv-guest';
import { describe, expect, it } from 'vitest';
import { BlockError } from '../../storage/block-backend.js';
import { MemoryDisk } from '../../storage/memory-disk.js';
import { firstDifference } from '../../storage/testing/difference.js';
import {
  attach,
  diskOfPatterns,
  FRONT,
  finish,
  pagesOf,
  SECTORS,
} from './testing-attached.contract.js';

describe.each([32, 64] as const)('blkback and a guest of %i bits', (word) => {
  it('the guest reads the disk, from its first sector to its last', async () => {
    const read: Uint8Array[] = [];
    const attached = attach(
      function* (front) {
        expect(front.sectorCount).toBe(SECTORS);
        const { address, refs } = pagesOf(front, 11);
        const segments = Blkfront.segments(refs, 88);
        expect(yield* front.request(BLKIF_OP_READ, 0, segments)).toBe(BLKIF_RSP_OKAY);
        read.push(front.kernel.guest.read(address, 88 * 512));
        const last = [{ gref: refs[0] as number, first_sect: 3, last_sect: 3 }];
        expect(yield* front.request(BLKIF_OP_READ, SECTORS - 1, last)).toBe(BLKIF_RSP_OKAY);
        read.push(front.kernel.guest.read(address, 4096));
      },
      { word },
    );
    await finish(attached);
    const { bytes } = attached.disk;
    expect(firstDifference(read[0] as Uint8Array, bytes.slice(0, 88 * 512))).toBe(-1);
    // Only the sector asked for has changed.
    const expected = bytes.slice(0, 4096);
    expected.set(bytes.subarray((SECTORS - 1) * 512), 3 * 512);
    expect(firstDifference(read[1] as Uint8Array, expected)).toBe(-1);
    expect(attached.blkback.statistics).toMatchObject({ reads: 2, sectorsRead: 89, errors: 0 });
  });

  it('what the guest writes is on the disk, in the sectors it named', async () => {
    const disk = new MemoryDisk(64 * 512);
    const attached = attach(
      function* (front) {
        const { address, refs } = pagesOf(front, 2, true);
        front.kernel.guest.write(address, new Uint8Array(8192).fill(0xab));
        const segments = [
          { gref: refs[0] as number, first_sect: 2, last_sect: 5 },
          { gref: refs[1] as number, first_sect: 7, last_sect: 7 },
        ];
        expect(yield* front.request(BLKIF_OP_WRITE, 10, segments)).toBe(BLKIF_RSP_OKAY);
        expect(refs.map((ref) => front.kernel.grants.isInUse(ref))).toEqual([false, false]);
      },
      { word, disk },
    );
    await finish(attached);
    const expected = new Uint8Array(64 * 512).fill(0xab, 10 * 512, 15 * 512);
    expect(firstDifference(disk.bytes, expected)).toBe(-1);
  });

  it('an indirect request reads and writes 256 segments at once', async () => {
    const attached = attach(
      function* (front) {
        const { address, refs } = pagesOf(front, 256);
        const list = pagesOf(front, 1, true);
        const segments = Blkfront.segments(refs, 2048);
        const [pageRef] = list.refs as [number];
        front.putIndirect(BLKIF_OP_READ, 0, segments, list.address, pageRef);
        const read = yield* front.complete(1);
        expect(read).toMatchObject([{ status: BLKIF_RSP_OKAY, operation: BLKIF_OP_READ }]);
        expect(front.kernel.guest.read32(address + 2047 * 512)).toBe(0x5a000fff % 2 ** 32);
        front.putIndirect(BLKIF_OP_WRITE, 2048, segments, list.address, pageRef);
        const written = yield* front.complete(1);
        expect(written).toMatchObject([{ status: BLKIF_RSP_OKAY, operation: BLKIF_OP_WRITE }]);
      },
      { word },
    );
    attached.disk.bytes.set([0xff, 0x0f, 0x00, 0x5a], 2047 * 512);
    await finish(attached);
    const { bytes } = attached.disk;
    expect(firstDifference(bytes.subarray(0, 1 << 20), bytes.subarray(1 << 20))).toBe(-1);
  });

  it('a ring of 16 pages holds 512 requests at once, some across pages', async () => {
    const attached = attach(
      function* (front) {
        const { refs } = pagesOf(front, 1);
        const { ring } = front;
        expect(ring?.size).toBe(512);
        for (let round = 0; round < 2; round++) {
          const ids: number[] = [];
          for (let i = 0; i < 512; i++)
            ids.push(front.put(BLKIF_OP_READ, i, Blkfront.segments(refs, 1)));
          const responses = yield* front.complete(512);
          expect(responses.map(({ id }) => id).sort((a, b) => a - b)).toEqual(ids);
          expect(responses.every(({ status }) => status === BLKIF_RSP_OKAY)).toBe(true);
        }
      },
      { word, front: { ringPageOrder: 4 } },
    );
    await finish(attached);
  });
});

describe('blkback', () => {
  it('flush, barrier and discard reach the disk, each in its order', async () => {
    const calls: string[] = [];
    const disk = new (class extends MemoryDisk {
      override async flush() {
        calls.push('flush');
        await super.flush();
      }
      override async write(sector: number, source: Uint8Array) {
        await new Promise((resolve) => setImmediate(resolve));
        calls.push(`write ${sector}`);
        await super.write(sector, source);
      }
      override async discard(sector: number, count: number) {
        calls.push(`discard ${sector} ${count}`);
        await super.discard(sector, count);
      }
    })(64 * 512);
    const attached = attach(
      function* (front) {
        const { refs } = pagesOf(front, 1);
        const one = Blkfront.segments(refs, 1);
        front.put(BLKIF_OP_WRITE, 1, one);
        front.put(BLKIF_OP_WRITE, 2, one);
        front.put(BLKIF_OP_WRITE_BARRIER, 3, one);
        front.put(BLKIF_OP_WRITE, 4, one);
        const responses = yield* front.complete(4);
        expect(responses.map(({ status }) => status)).toEqual([0, 0, 0, 0]);
        front.put(BLKIF_OP_FLUSH_DISKCACHE, 0, []);
        expect(yield* front.complete(1)).toMatchObject([{ status: BLKIF_RSP_OKAY }]);
        front.putDiscard(8, 16);
        expect(yield* front.complete(1)).toMatchObject([{ status: BLKIF_RSP_OKAY }]);
      },
      { disk },
    );
    await finish(attached);
    expect(calls).toEqual([
      'write 1',
      'write 2',
      'flush',
      'write 3',
      'flush',
      'write 4',
      'flush',
      'discard 8 16',
    ]);
  });

  it('a persistent grant stays mapped from its first use to the end of the connection', async () => {
    const attached = attach(
      function* (front) {
        const { refs } = pagesOf(front, 4);
        const { grants } = front.kernel;
        for (let i = 0; i < 3; i++) {
          yield* front.request(BLKIF_OP_WRITE, 0, Blkfront.segments(refs, 32));
          yield* front.request(BLKIF_OP_READ, 0, Blkfront.segments(refs, 32));
          expect(refs.map((ref) => grants.isInUse(ref))).toEqual([true, true, true, true]);
        }
        expect(yield* front.disconnect()).toBe(true);
        expect(refs.map((ref) => grants.end(ref))).toEqual([true, true, true, true]);
      },
      { front: { isPersistent: true } },
    );
    await finish(attached);
  });

  it('a front-end that leaves as GRUB does finds the device ready again, and a second one connects', async () => {
    const attached = attach(function* (front) {
      expect(yield* front.disconnect()).toBe(true);
      const second = new Blkfront(front.kernel, FRONT, { ringPageOrder: 1 });
      expect(yield* second.connect()).toBe(true);
      const { refs } = pagesOf(second, 1);
      expect(yield* second.request(BLKIF_OP_READ, 5, Blkfront.segments(refs, 8))).toBe(0);
      expect(yield* second.disconnect()).toBe(true);
    });
    await finish(attached);
  });

  it('what the back-end tells is in its directory before it is Connected', async () => {
    const seen: (string | null)[] = [];
    const attached = attach(function* (front) {
      for (const name of [
        'sectors',
        'sector-size',
        'physical-sector-size',
        'info',
        'feature-barrier',
        'feature-flush-cache',
        'feature-discard',
        'feature-persistent',
        'feature-max-indirect-segments',
        'max-ring-page-order',
        'multi-queue-max-queues',
      ])
        seen.push(yield* front.device.readBackend(name));
    });
    await finish(attached);
    expect(seen).toEqual(['4096', '512', '512', '0', '1', '1', '1', '1', '256', '4', '1']);
  });

  it('a read-only disk says so, refuses writes and discards, and is read', async () => {
    const attached = attach(
      function* (front) {
        expect(front.info).toBe(VDISK_READONLY | VDISK_CDROM);
        const { refs } = pagesOf(front, 1);
        const one = Blkfront.segments(refs, 1);
        expect(yield* front.request(BLKIF_OP_WRITE, 0, one)).toBe(BLKIF_RSP_ERROR);
        expect(yield* front.request(BLKIF_OP_WRITE_BARRIER, 0, one)).toBe(BLKIF_RSP_ERROR);
        front.putDiscard(0, 8);
        expect(yield* front.complete(1)).toMatchObject([{ status: BLKIF_RSP_ERROR }]);
        expect(yield* front.request(BLKIF_OP_READ, 0, one)).toBe(BLKIF_RSP_OKAY);
        expect(yield* front.request(BLKIF_OP_FLUSH_DISKCACHE, 0, [])).toBe(BLKIF_RSP_OKAY);
      },
      { isReadOnly: true, isCdrom: true },
    );
    await finish(attached);
    expect(firstDifference(attached.disk.bytes, diskOfPatterns().bytes)).toBe(-1);
  });

  it('what cannot be done is answered with an error, and the disk and other requests go on', async () => {
    const attached = attach(function* (front) {
      const { refs } = pagesOf(front, 2);
      const readOnly = pagesOf(front, 1, true).refs[0] as number;
      const gref = refs[0] as number;
      const good = { gref, first_sect: 0, last_sect: 0 };
      const errors: [operation: number, sector: number, segments: (typeof good)[]][] = [
        [BLKIF_OP_READ, SECTORS, [good]],
        [BLKIF_OP_READ, SECTORS - 1, [{ gref, first_sect: 0, last_sect: 1 }]],
        [BLKIF_OP_READ, 2 ** 63, [good]],
        [BLKIF_OP_WRITE, 2 ** 53, [good]],
        [BLKIF_OP_READ, 0, [{ gref, first_sect: 5, last_sect: 4 }]],
        [BLKIF_OP_READ, 0, [{ gref, first_sect: 0, last_sect: 8 }]],
        [BLKIF_OP_READ, 0, [{ gref, first_sect: 255, last_sect: 255 }]],
        [BLKIF_OP_READ, 0, []],
        [BLKIF_OP_WRITE, 0, []],
        [BLKIF_OP_READ, 0, Array.from({ length: 12 }, () => good)],
        [BLKIF_OP_READ, 0, Array.from({ length: 255 }, () => good)],
        [BLKIF_OP_READ, 0, [good, { gref: 900, first_sect: 0, last_sect: 0 }]],
        [BLKIF_OP_READ, 0, [good, { gref: 0xffff_ffff, first_sect: 0, last_sect: 0 }]],
        [BLKIF_OP_READ, 0, [{ gref: readOnly, first_sect: 0, last_sect: 0 }]],
      ];
      for (const [operation, sector, segments] of errors) {
        front.put(operation, sector, segments);
        const [response] = yield* front.complete(1);
        expect(response, `${operation} ${sector}`).toMatchObject({ operation, status: -1 });
      }
      for (const operation of [4, 7, 255]) {
        const status = yield* front.request(operation, 0, [good]);
        expect(status).toBe(BLKIF_RSP_EOPNOTSUPP);
      }
      front.putDiscard(0, 8, BLKIF_DISCARD_SECURE);
      expect(yield* front.complete(1)).toMatchObject([{ status: BLKIF_RSP_EOPNOTSUPP }]);
      front.putDiscard(1, 2 ** 64 - 2048);
      expect(yield* front.complete(1)).toMatchObject([{ status: BLKIF_RSP_ERROR }]);
      const list = pagesOf(front, 1);
      const [pageRef] = list.refs as [number];
      for (const [operation, count, ref] of [
        [BLKIF_OP_READ, 257, pageRef],
        [BLKIF_OP_READ, 0, pageRef],
        [BLKIF_OP_FLUSH_DISKCACHE, 1, pageRef],
        [BLKIF_OP_WRITE, 1, 901],
      ] as const) {
        const segments = Array.from({ length: count }, () => good);
        front.putIndirect(operation, 0, segments, list.address, ref);
        expect(yield* front.complete(1)).toMatchObject([{ operation, status: BLKIF_RSP_ERROR }]);
      }
      expect(yield* front.request(BLKIF_OP_READ, 0, [good])).toBe(BLKIF_RSP_OKAY);
      expect(refs.map((ref) => front.kernel.grants.isInUse(ref))).toEqual([false, false]);
    });
    await finish(attached);
    expect(firstDifference(attached.disk.bytes, diskOfPatterns().bytes)).toBe(-1);
  });

  it('an error of the disk is an error of the request', async () => {
    const disk = new (class extends MemoryDisk {
      override async read(): Promise<void> {
        throw new BlockError('io', 'bad sector');
      }
    })(512 * 8);
    const attached = attach(
      function* (front) {
        const { refs } = pagesOf(front, 1);
        const segments = Blkfront.segments(refs, 1);
        expect(yield* front.request(BLKIF_OP_READ, 0, segments)).toBe(BLKIF_RSP_ERROR);
        expect(front.kernel.grants.isInUse(refs[0] as number)).toBe(false);
      },
      { disk },
    );
    await finish(attached);
  });

  it('tells whoever holds translated code about each frame it writes to', async () => {
    const written = new Set<Mfn>();
    const attached = attach(function* (front) {
      const { address, refs } = pagesOf(front, 2);
      yield* front.request(BLKIF_OP_READ, 0, Blkfront.segments(refs, 16));
      for (const page of [0, 1]) {
        const mfn = attached.guest.domain.findOwnFrame(address / 4096 + page) as Mfn;
        expect(written).toContain(mfn);
      }
    });
    attached.machine.hypervisor.memory.onWrite = (mfn) => written.add(mfn);
    await finish(attached);
  });
});
