// What Xen's back-ends cost the host: a request of blkback from the guest's event to its response, and bytes copied by grant. The guest
// has no code: its ring is filled in by hand, so nothing but the back-end is measured.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  BLKIF_OP_READ,
  BLKIF_OP_WRITE,
  blkif_request,
  GTF_permit_access,
  SRING_HEADER_BYTES,
  sring_header,
} from '@proxeny/abi';
import { type Domain, HostGrants, Hypervisor, MachineMemory, ManualClock } from '@proxeny/hv-core';
import { BackendHost, Blkback, type BlockBackend, FileDisk, MemoryDisk } from '@proxeny/machine';
import { type Mfn, PAGE_SIZE } from '@proxeny/memory';
import type { Measurement } from './measurement.js';

const RING_REF = 8;
const FIRST_DATA_REF = 16;
const REQUESTS = 32;
const DISK_BYTES = 16 << 20;
const PATH = '/local/domain/1/device/vbd/51712';

interface Parts {
  readonly hypervisor: Hypervisor;
  readonly host: Domain;
  readonly guest: Domain;
}

/** A guest of 64 pages, all of them granted to the host: page n as grant n + RING_REF. */
function makeParts(): Parts {
  const hypervisor = new Hypervisor({
    memory: new MachineMemory(1 << 20),
    clock: new ManualClock(),
  });
  const host = hypervisor.createDomain({ id: 0, kind: 'translated' });
  const guest = hypervisor.createDomain({ id: 1, kind: 'translated' });
  guest.populate(0, 64);
  const { view } = hypervisor.memory;
  for (let gfn = 0; gfn < 64; gfn++) {
    const at = guest.grants.entries.addressOf(RING_REF + gfn);
    view.setUint32(at + 4, gfn, true);
    view.setUint16(at, GTF_permit_access, true);
  }
  return { hypervisor, host, guest };
}

/** Requests of `pages` pages each, as many at once as a ring holds. */
function blkback(
  name: string,
  { disk, close }: BenchDisk,
  operation: number,
  pages: number,
  isPersistent: boolean,
): Measurement {
  const { hypervisor, host, guest } = makeParts();
  const port = guest.events.allocUnbound(0);
  const keys = new Map<string, string>([
    [`${PATH}/ring-ref`, String(RING_REF)],
    [`${PATH}/event-channel`, String(port.port)],
    [`${PATH}/feature-persistent`, isPersistent ? '1' : '0'],
  ]);
  const store = {
    read: (path: string) => keys.get(path) ?? null,
    write: () => {},
    remove: () => {},
    watch: () => () => {},
  };
  let onResponse = (): void => {};
  const backends = new BackendHost({ domain: host, store, wake: () => onResponse() });
  const problem = new Blkback({ host: backends, guestId: 1, disk }).connect(PATH);
  if (problem !== null) throw new Error(problem);
  const layout = blkif_request.of(64);
  const { req_prod, rsp_prod, rsp_event } = sring_header.of(64).fields;
  const base = (guest.findOwnFrame(0) as Mfn) * PAGE_SIZE;
  const { view } = hypervisor.memory;
  let produced = 0;
  const call = async (): Promise<void> => {
    for (let i = 0; i < REQUESTS; i++, produced++) {
      const at = base + SRING_HEADER_BYTES + (produced % REQUESTS) * layout.byteLength;
      const { fields } = layout;
      fields.operation.set(view, at, operation);
      fields.nr_segments.set(view, at, pages);
      fields.sector_number.set(view, at, (i * pages * 8) % (DISK_BYTES / 512));
      for (let page = 0; page < pages; page++) {
        const segment = at + fields.seg.offset + page * fields.seg.stride;
        view.setUint32(segment, FIRST_DATA_REF + page, true);
        view.setUint16(segment + 4, 0x0700, true);
      }
    }
    req_prod.set(view, base, produced);
    rsp_event.set(view, base, produced);
    guest.events.send(port);
    const done = new Promise<void>((resolve) => {
      onResponse = () => {
        if (rsp_prod.get(view, base) === produced % 2 ** 32) resolve();
      };
    });
    hypervisor.step();
    await done;
  };
  return { name, unit: 'request', count: REQUESTS, call, close };
}

interface BenchDisk {
  readonly disk: BlockBackend;
  readonly close: () => Promise<void>;
}

function memoryDisk(): BenchDisk {
  const disk = new MemoryDisk(DISK_BYTES);
  return { disk, close: () => disk.close() };
}

async function fileDisk(): Promise<BenchDisk> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-disk-'));
  const path = join(folder, 'image');
  writeFileSync(path, new Uint8Array(DISK_BYTES));
  const disk = await FileDisk.open(path);
  const close = async (): Promise<void> => {
    await disk.close();
    rmSync(folder, { recursive: true });
  };
  return { disk, close };
}

function grantCopy(name: string, byteLength: number): Measurement {
  const { host } = makeParts();
  const grants = new HostGrants(host);
  const bytes = new Uint8Array(byteLength);
  const call = (): void => {
    for (let i = 0; i < 16; i++) {
      if (grants.copyTo(1, FIRST_DATA_REF + i, 0, bytes) !== 0) throw new Error('no grant');
    }
  };
  return { name, unit: 'copy', count: 16, call };
}

function grantMap(): Measurement {
  const { host } = makeParts();
  const grants = new HostGrants(host);
  const call = (): void => {
    for (let i = 0; i < 16; i++) {
      const mapping = grants.map(1, FIRST_DATA_REF + i, false);
      if (typeof mapping === 'number') throw new Error('no grant');
      grants.unmap(mapping);
    }
  };
  return { name: 'grant mapped and unmapped by the host', unit: 'grant', count: 16, call };
}

export const backEnds: readonly (() => Measurement | Promise<Measurement>)[] = [
  () => grantMap(),
  () => grantCopy('grant copy, 64 bytes', 64),
  () => grantCopy('grant copy, 4 KiB', PAGE_SIZE),
  () => blkback('blkback, read 4 KiB, memory', memoryDisk(), BLKIF_OP_READ, 1, false),
  () => blkback('blkback, read 4 KiB, memory, persistent', memoryDisk(), BLKIF_OP_READ, 1, true),
  () => blkback('blkback, write 4 KiB, memory', memoryDisk(), BLKIF_OP_WRITE, 1, false),
  () => blkback('blkback, read 44 KiB, memory', memoryDisk(), BLKIF_OP_READ, 11, false),
  async () => blkback('blkback, read 4 KiB, file', await fileDisk(), BLKIF_OP_READ, 1, false),
  async () => blkback('blkback, read 44 KiB, file', await fileDisk(), BLKIF_OP_READ, 11, false),
  async () => blkback('blkback, write 4 KiB, file', await fileDisk(), BLKIF_OP_WRITE, 1, false),
];
