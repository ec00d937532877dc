// Netfront: a native kernel's driver for a Xen network device. io/netif.h.
import {
  NETRXF_extra_info,
  NETRXF_more_data,
  NETTXF_extra_info,
  NETTXF_more_data,
  netif_extra_info,
  netif_rx_request,
  netif_rx_response,
  netif_rx_sring_entry,
  netif_tx_request,
  netif_tx_response,
  netif_tx_sring_entry,
  XEN_NETIF_EXTRA_TYPE_GSO,
  XenbusStateConnected,
  XenbusStateInitWait,
} from '@proxeny/abi';
import { FrontDevice, type FrontKernel } from './front-device.js';
import { FrontRing } from './front-ring.js';
import type { NativeCode } from './native-code.js';

const PAGE_BYTES = 4096;
const txRequest = netif_tx_request.of(64);
const txResponse = netif_tx_response.of(64);
const rxRequest = netif_rx_request.of(64);
const rxResponse = netif_rx_response.of(64);
const extraInfo = netif_extra_info.of(64);
const TX_SLOT_BYTES = netif_tx_sring_entry.of(64).byteLength;
const RX_SLOT_BYTES = netif_rx_sring_entry.of(64).byteLength;

export interface NetfrontOptions {
  /** An event channel for each direction. */
  readonly hasSplitChannels?: boolean;
  /** Pages offered to the back-end. */
  readonly rxPages?: number;
  /** More to write before it connects: features. */
  readonly keys?: Readonly<Record<string, string | number>>;
}

/** A slot to send. */
export interface NetfrontSlot {
  readonly gref: number;
  readonly offset: number;
  readonly size: number;
  readonly flags: number;
}

/** A frame that was received. */
export interface NetfrontFrame {
  readonly bytes: Uint8Array;
  /** NETRXF_* of its first slot. */
  readonly flags: number;
  /** Of a large segment: XEN_NETIF_GSO_TYPE_* and payload bytes; else 0. */
  readonly segmentType: number;
  readonly segmentSize: number;
}

export class Netfront {
  readonly device: FrontDevice;
  readonly kernel: FrontKernel;
  tx: FrontRing | null = null;
  rx: FrontRing | null = null;
  txPort = 0;
  rxPort = 0;
  readonly #options: NetfrontOptions;
  /** Addresses and grants of the pages offered, by the ids of their requests. */
  readonly #offered: { address: number; ref: number }[] = [];
  #ringRefs: number[] = [];
  #nextId = 1;

  constructor(kernel: FrontKernel, path: string, options: NetfrontOptions = {}) {
    this.kernel = kernel;
    this.device = new FrontDevice(kernel, path);
    this.#options = options;
  }

  /** Meets the back-end; false if it refuses. */
  *connect(): NativeCode<boolean> {
    const { device, kernel } = this;
    yield* device.find();
    yield* device.waitForBackend(XenbusStateInitWait);
    const rings = kernel.takePages(2);
    this.tx = new FrontRing(kernel.guest, rings, PAGE_BYTES, TX_SLOT_BYTES);
    this.rx = new FrontRing(kernel.guest, rings + PAGE_BYTES, PAGE_BYTES, RX_SLOT_BYTES);
    this.#ringRefs = [0, 1].map((page) =>
      kernel.grants.grant(device.backendId, rings + page * PAGE_BYTES),
    );
    yield* device.write('tx-ring-ref', this.#ringRefs[0] as number);
    yield* device.write('rx-ring-ref', this.#ringRefs[1] as number);
    this.txPort = yield* kernel.events.allocate(device.backendId);
    this.rxPort = this.txPort;
    if (this.#options.hasSplitChannels) {
      this.rxPort = yield* kernel.events.allocate(device.backendId);
      yield* device.write('event-channel-tx', this.txPort);
      yield* device.write('event-channel-rx', this.rxPort);
    } else {
      yield* device.write('event-channel', this.txPort);
    }
    const keys = { 'request-rx-copy': 1, 'feature-rx-notify': 1, ...this.#options.keys };
    for (const [name, value] of Object.entries(keys)) yield* device.write(name, value);
    const pages = kernel.takePages(this.#options.rxPages ?? 32);
    for (let page = 0; page < (this.#options.rxPages ?? 32); page++) {
      const address = pages + page * PAGE_BYTES;
      this.#offered.push({ address, ref: kernel.grants.grant(device.backendId, address) });
      this.#offer(page);
    }
    this.rx.publish();
    return yield* device.meet(XenbusStateConnected);
  }

  #offer(id: number): void {
    const view = new DataView(new ArrayBuffer(RX_SLOT_BYTES));
    rxRequest.fields.id.set(view, 0, id);
    rxRequest.fields.gref.set(view, 0, this.#offered[id]?.ref ?? 0);
    this.rx?.put(new Uint8Array(view.buffer));
  }

  /** Ends the connection; whether the back-end has let go of all pages. */
  *disconnect(): NativeCode<boolean> {
    yield* this.device.part([
      'tx-ring-ref',
      'rx-ring-ref',
      'event-channel',
      'event-channel-tx',
      'event-channel-rx',
    ]);
    yield* this.kernel.events.close(this.txPort);
    if (this.rxPort !== this.txPort) yield* this.kernel.events.close(this.rxPort);
    const refs = [...this.#ringRefs, ...this.#offered.splice(0).map(({ ref }) => ref)];
    return refs.every((ref) => this.kernel.grants.end(ref));
  }

  /** Writes slots as they are; extra information of a large segment after the first, if `segment` is there. */
  putSlots(slots: readonly NetfrontSlot[], segment?: { type: number; size: number }): void {
    for (const [i, slot] of slots.entries()) {
      const view = new DataView(new ArrayBuffer(TX_SLOT_BYTES));
      const { gref, offset, flags, id, size } = txRequest.fields;
      gref.set(view, 0, slot.gref);
      offset.set(view, 0, slot.offset);
      flags.set(view, 0, slot.flags);
      id.set(view, 0, this.#nextId++ & 0xffff);
      size.set(view, 0, slot.size);
      this.tx?.put(new Uint8Array(view.buffer));
      if (i > 0 || !segment) continue;
      const info = new DataView(new ArrayBuffer(TX_SLOT_BYTES));
      const { gso } = extraInfo.fields.u.fields;
      extraInfo.fields.type.set(info, 0, XEN_NETIF_EXTRA_TYPE_GSO);
      gso.fields.type.set(info, 0, segment.type);
      gso.fields.size.set(info, 0, segment.size);
      this.tx?.put(new Uint8Array(info.buffer));
    }
  }

  /**
   * Writes a packet whose bytes lie in pages granted as `refs`, one after the other.
   * `flags`: NETTXF_* of the first slot.
   */
  put(
    refs: readonly number[],
    byteLength: number,
    flags = 0,
    segment?: { type: number; size: number },
  ): void {
    const count = Math.ceil(byteLength / PAGE_BYTES);
    const slots = refs.slice(0, count).map((gref, i) => ({
      gref,
      offset: 0,
      size: i === 0 ? byteLength : Math.min(PAGE_BYTES, byteLength - i * PAGE_BYTES),
      flags:
        (i === 0 ? flags | (segment ? NETTXF_extra_info : 0) : 0) |
        (i < count - 1 ? NETTXF_more_data : 0),
    }));
    this.putSlots(slots, segment);
  }

  /** Shows what was written, and waits for all responses; their statuses. */
  *flush(): NativeCode<number[]> {
    const { tx, kernel, txPort } = this;
    const statuses: number[] = [];
    if (!tx) return statuses;
    if (tx.publish()) yield* kernel.events.send(txPort);
    while (tx.inFlight > 0) {
      const bytes = tx.take();
      if (bytes) {
        const view = new DataView(bytes.buffer, bytes.byteOffset);
        statuses.push(txResponse.fields.status.get(view));
      } else if (!tx.armResponseEvent()) yield* kernel.events.wait(txPort);
    }
    return statuses;
  }

  /** Waits for the next frame, and offers its pages anew. A part that could not be written makes it empty. */
  *receive(): NativeCode<NetfrontFrame> {
    const { guest } = this.kernel;
    const parts: Uint8Array[] = [];
    let flags = 0;
    let segmentType = 0;
    let segmentSize = 0;
    let isWhole = true;
    for (let hasMore = true; hasMore; ) {
      const view = yield* this.#nextResponse();
      const { fields } = rxResponse;
      const own = fields.flags.get(view);
      const status = fields.status.get(view);
      const id = fields.id.get(view);
      const page = this.#offered[id];
      if (status < 0 || !page) isWhole = false;
      else parts.push(guest.read(page.address + fields.offset.get(view), status));
      if (parts.length === 1) flags = own;
      this.#offer(id);
      if ((own & NETRXF_extra_info) !== 0) {
        const info = yield* this.#nextResponse();
        const { gso } = extraInfo.fields.u.fields;
        segmentType = gso.fields.type.get(info);
        segmentSize = gso.fields.size.get(info);
      }
      hasMore = (own & NETRXF_more_data) !== 0;
    }
    if (this.rx?.publish()) yield* this.kernel.events.send(this.rxPort);
    const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
    let done = 0;
    for (const part of parts) {
      bytes.set(part, done);
      done += part.byteLength;
    }
    return { bytes: isWhole ? bytes : new Uint8Array(0), flags, segmentType, segmentSize };
  }

  *#nextResponse(): NativeCode<DataView> {
    for (;;) {
      const bytes = this.rx?.take();
      if (bytes) return new DataView(bytes.buffer, bytes.byteOffset);
      if (!this.rx?.armResponseEvent()) yield* this.kernel.events.wait(this.rxPort);
    }
  }
}
