// Fragments: puts IPv4 packets that a guest has cut together again. RFC 791 §3.2. Bounded in packets, bytes and time; overlapping
// fragments end their packet (as RFC 5722 has it for IPv6).
import type { Ipv4Packet } from './ipv4-packet.js';
import type { UserNetworkStatistics } from './statistics.js';

const MAX_PACKETS = 16;
const MAX_PARTS = 64;
const MAX_BYTES = 65_535 - 20;
const TIMEOUT_NS = 15e9;

interface Unfinished {
  readonly startedNs: number;
  /** By offset. */
  readonly parts: Map<number, Uint8Array>;
  header: Uint8Array;
  byteLength: number;
  /** Of the whole payload, once its end has come. */
  totalBytes: number | null;
}

export class Fragments {
  /** In the order in which they began. */
  readonly #unfinished: Map<string, Unfinished> = new Map();
  readonly #statistics: UserNetworkStatistics;

  constructor(statistics: UserNetworkStatistics) {
    this.#statistics = statistics;
  }

  /** Takes a fragment; the whole packet, if that was the last one missing. */
  add(packet: Ipv4Packet, nowNs: number): Ipv4Packet | null {
    const { source, target, protocol, identification, payload, fragmentOffset } = packet;
    const key = `${source} ${target} ${protocol} ${identification}`;
    this.#forgetOld(nowNs);
    const found = this.#unfinished.get(key) ?? this.#start(key, packet, nowNs);
    const end = fragmentOffset + payload.byteLength;
    const isOdd = packet.hasMoreFragments && payload.byteLength % 8 !== 0;
    // Overlapping ones come to more than their end.
    const keptBytes = found.byteLength + payload.byteLength;
    const isTooMuch = Math.max(end, keptBytes) > MAX_BYTES || found.parts.size >= MAX_PARTS;
    if (payload.byteLength === 0 || isOdd || isTooMuch || found.parts.has(fragmentOffset)) {
      this.#lose(key);
      return null;
    }
    found.parts.set(fragmentOffset, payload.slice());
    found.byteLength = keptBytes;
    if (fragmentOffset === 0) found.header = packet.header.slice();
    if (!packet.hasMoreFragments) found.totalBytes = end;
    if (found.totalBytes === null || found.byteLength < found.totalBytes) return null;
    this.#unfinished.delete(key);
    const whole = joined(found, found.totalBytes);
    if (!whole) {
      this.#statistics.fragmentsLost++;
      return null;
    }
    const { header } = found;
    return { ...packet, fragmentOffset: 0, hasMoreFragments: false, header, payload: whole };
  }

  #start(key: string, packet: Ipv4Packet, nowNs: number): Unfinished {
    const [oldest] = this.#unfinished.keys();
    if (this.#unfinished.size >= MAX_PACKETS && oldest !== undefined) this.#lose(oldest);
    const { header } = packet;
    const made = { startedNs: nowNs, parts: new Map(), header, byteLength: 0, totalBytes: null };
    this.#unfinished.set(key, made);
    return made;
  }

  #forgetOld(nowNs: number): void {
    for (const [key, { startedNs }] of this.#unfinished) {
      if (nowNs - startedNs < TIMEOUT_NS) return;
      this.#lose(key);
    }
  }

  #lose(key: string): void {
    this.#unfinished.delete(key);
    this.#statistics.fragmentsLost++;
  }
}

/** The parts one after the other; null if they overlap or leave holes. */
function joined({ parts }: Unfinished, totalBytes: number): Uint8Array | null {
  const whole = new Uint8Array(totalBytes);
  let done = 0;
  for (const [offset, bytes] of [...parts].sort(([a], [b]) => a - b)) {
    if (offset !== done || done + bytes.byteLength > totalBytes) return null;
    whole.set(bytes, offset);
    done += bytes.byteLength;
  }
  return done === totalBytes ? whole : null;
}
