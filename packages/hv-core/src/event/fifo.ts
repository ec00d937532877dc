// The FIFO event ABI: a word for each port in an array of the guest's pages, linked into a queue for each vCPU and priority, whose
// heads stand in a control block of each vCPU. event_channel.h, "FIFO ABI".
// The words are the guest's to scribble on: links read from them are never followed, only tails we remember are written to.
import {
  EVTCHN_FIFO_LINK_MASK,
  EVTCHN_FIFO_LINKED,
  EVTCHN_FIFO_MASKED,
  EVTCHN_FIFO_MAX_QUEUES,
  EVTCHN_FIFO_NR_CHANNELS,
  EVTCHN_FIFO_PENDING,
  evtchn_fifo_control_block,
} from '@proxeny/abi';
import { type Maddr, type Mfn, PAGE_SIZE } from '@proxeny/memory';
import type { Domain } from '../domain.js';
import type { EventDelivery } from './delivery.js';
import type { EventChannel, Port } from './event-channel.js';

const WORDS_PER_PAGE = PAGE_SIZE / 4;
export const FIFO_MAX_ARRAY_PAGES: number = EVTCHN_FIFO_NR_CHANNELS / WORDS_PER_PAGE;

/** One vCPU's queues: where its control block is, and the tail of each queue (0: none). */
class FifoQueues {
  readonly control: Maddr;
  readonly mfn: Mfn;
  readonly tails: Uint32Array = new Uint32Array(EVTCHN_FIFO_MAX_QUEUES);
  constructor(mfn: Mfn, offset: number) {
    this.mfn = mfn;
    this.control = (mfn * PAGE_SIZE + offset) as Maddr;
  }
}

export class FifoDelivery implements EventDelivery {
  readonly portLimit = EVTCHN_FIFO_NR_CHANNELS;
  readonly #domain: Domain;
  readonly #layout = evtchn_fifo_control_block.of(64);
  /** The event array: frames the guest gave, each with a writable type reference. */
  readonly pages: Mfn[] = [];
  readonly #queues: (FifoQueues | undefined)[] = [];

  constructor(domain: Domain) {
    this.#domain = domain;
  }

  /** Ports that have a word. */
  get wordCount(): number {
    return this.pages.length * WORDS_PER_PAGE;
  }

  hasControlBlock(vcpu: number): boolean {
    return this.#queues[vcpu] !== undefined;
  }

  setControlBlock(vcpu: number, mfn: Mfn, offset: number): void {
    this.#queues[vcpu] = new FifoQueues(mfn, offset);
  }

  /** Every frame the guest lent for this. */
  *lentFrames(): Iterable<Mfn> {
    yield* this.pages;
    for (const queues of this.#queues) if (queues) yield queues.mfn;
  }

  /** For the state digest. */
  tailsOf(vcpu: number): readonly number[] {
    return [...(this.#queues[vcpu]?.tails ?? [])];
  }

  #wordAt(port: Port): Maddr | -1 {
    const page = this.pages[Math.floor(port / WORDS_PER_PAGE)];
    if (page === undefined) return -1;
    return (page * PAGE_SIZE + (port % WORDS_PER_PAGE) * 4) as Maddr;
  }

  setPending(channel: EventChannel): void {
    const { memory } = this.#domain.hypervisor;
    const word = this.#wordAt(channel.port);
    if (word < 0) {
      channel.isPending = true;
      return;
    }
    const at = word as Maddr;
    const wasPending = memory.testAndSet(at, EVTCHN_FIFO_PENDING);
    this.#link(channel, at);
    if (!wasPending) this.#domain.wakePollers(channel.port);
  }

  #link(channel: EventChannel, word: Maddr): void {
    const { memory } = this.#domain.hypervisor;
    if (memory.testBit(word, EVTCHN_FIFO_MASKED) || memory.testBit(word, EVTCHN_FIFO_LINKED))
      return;
    const vcpu = this.#domain.vcpus[channel.notifyVcpu];
    const queues = this.#queues[channel.notifyVcpu];
    if (!vcpu || !queues) {
      channel.isPending = true; // linked when the vCPU gets its control block
      return;
    }
    memory.testAndSet(word, EVTCHN_FIFO_LINKED);
    // The link field of a new tail is 0: end of the queue.
    this.#setLink(word, 0);
    const { priority } = channel;
    const tail = queues.tails[priority] as number;
    queues.tails[priority] = channel.port;
    channel.lastVcpu = channel.notifyVcpu;
    channel.lastPriority = priority;
    if (tail !== 0 && tail !== channel.port) {
      const tailWord = this.#wordAt(tail);
      const tailChannel = this.#domain.events.at(tail);
      const isStillTail =
        tailWord >= 0 &&
        tailChannel !== null &&
        tailChannel.lastVcpu === channel.notifyVcpu &&
        tailChannel.lastPriority === priority &&
        memory.testBit(tailWord as Maddr, EVTCHN_FIFO_LINKED);
      if (isStillTail) {
        this.#setLink(tailWord as Maddr, channel.port);
        return;
      }
    }
    const { fields } = this.#layout;
    memory.view.setUint32(queues.control + fields.head.offset + priority * 4, channel.port, true);
    const ready = (queues.control + fields.ready.offset) as Maddr;
    if (!memory.testAndSet(ready, priority)) vcpu.markEventsPending();
  }

  #setLink(word: Maddr, port: Port): void {
    const { view } = this.#domain.hypervisor.memory;
    const kept = view.getUint32(word, true) & ~EVTCHN_FIFO_LINK_MASK;
    view.setUint32(word, kept | port, true);
  }

  clearPending(channel: EventChannel): void {
    channel.isPending = false;
    const word = this.#wordAt(channel.port);
    if (word >= 0) this.#domain.hypervisor.memory.testAndClear(word as Maddr, EVTCHN_FIFO_PENDING);
  }

  isPending(channel: EventChannel): boolean {
    const word = this.#wordAt(channel.port);
    if (word < 0) return channel.isPending;
    return this.#domain.hypervisor.memory.testBit(word as Maddr, EVTCHN_FIFO_PENDING);
  }

  isMasked(channel: EventChannel): boolean {
    const word = this.#wordAt(channel.port);
    return word < 0 || this.#domain.hypervisor.memory.testBit(word as Maddr, EVTCHN_FIFO_MASKED);
  }

  unmask(channel: EventChannel): void {
    const { memory } = this.#domain.hypervisor;
    const word = this.#wordAt(channel.port);
    if (word < 0) return;
    memory.testAndClear(word as Maddr, EVTCHN_FIFO_MASKED);
    if (memory.testBit(word as Maddr, EVTCHN_FIFO_PENDING)) this.#link(channel, word as Maddr);
  }

  /** Delivers what became pending before there was a word or a control block for it. */
  deliverDelayed(): void {
    for (const channel of this.#domain.events.open()) {
      if (!channel.isPending || this.#wordAt(channel.port) < 0) continue;
      channel.isPending = false;
      this.setPending(channel);
    }
  }
}
