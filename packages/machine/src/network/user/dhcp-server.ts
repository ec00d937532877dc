// DhcpServer: gives guests their addresses: the first one 10.0.2.15. RFC 2131, options of RFC 2132.
import { viewOf } from '../internet-headers.js';
import {
  ANY_BROADCAST,
  BROADCAST_MAC,
  FIRST_GUEST,
  GATEWAY,
  GUEST_COUNT,
  NAME_SERVER,
  NETMASK,
} from './layout.js';
import type { UserLink } from './link.js';

export const DHCP_SERVER_PORT = 67;
const CLIENT_PORT = 68;
const BOOT_REQUEST = 1;
const BOOT_REPLY = 2;
const FIXED_BYTES = 236;
const COOKIE = 0x6382_5363;
/** Clients may expect that much. RFC 2131 §2. */
const MIN_MESSAGE_BYTES = 300;
const LEASE_SECONDS = 86_400;

const DISCOVER = 1;
const OFFER = 2;
const REQUEST = 3;
const DECLINE = 4;
const ACK = 5;
const NAK = 6;
const RELEASE = 7;
const INFORM = 8;

const OPTION_PAD = 0;
const OPTION_NETMASK = 1;
const OPTION_ROUTER = 3;
const OPTION_NAME_SERVER = 6;
const OPTION_REQUESTED = 50;
const OPTION_LEASE_TIME = 51;
const OPTION_MESSAGE = 53;
const OPTION_SERVER = 54;
const OPTION_END = 255;

/** A client's message, as far as it matters. */
interface Request {
  readonly view: DataView;
  readonly kind: number;
  readonly mac: Uint8Array;
  readonly requested: number | null;
  readonly server: number | null;
  /** The address it has. */
  readonly current: number;
  readonly wantsBroadcast: boolean;
}

export class DhcpServer {
  readonly #link: UserLink;
  readonly #hasRoute: boolean;
  /** Addresses by the client's, the one used longest ago first. */
  readonly #leases: Map<string, number> = new Map();

  /** @param hasRoute whether guests are told of a router and a name server */
  constructor(link: UserLink, hasRoute: boolean) {
    this.#link = link;
    this.#hasRoute = hasRoute;
  }

  /** Takes a message to the server's port; false if it makes no sense. */
  receive(message: Uint8Array): boolean {
    const request = parseRequest(message);
    if (!request) return false;
    const { kind, mac } = request;
    const client = [...mac].join(':');
    if (kind === DISCOVER) this.#answer(request, OFFER, this.#lease(client, request.requested));
    else if (kind === REQUEST) this.#confirm(request, client);
    else if (kind === INFORM) this.#answer(request, ACK, 0);
    else if (kind === RELEASE || kind === DECLINE) this.#leases.delete(client);
    return true;
  }

  #confirm(request: Request, client: string): void {
    // It has chosen another server.
    if (request.server !== null && request.server !== GATEWAY) return;
    const wanted = request.requested ?? request.current;
    const lease = this.#lease(client, wanted);
    if (lease === wanted) this.#answer(request, ACK, lease);
    else this.#answer(request, NAK, 0);
  }

  /** The address of a client: the one it has, or wants, or the first free one, or that of whoever was not seen for longest. */
  #lease(client: string, wanted: number | null): number {
    const taken = new Set(this.#leases.values());
    let address = this.#leases.get(client);
    if (address === undefined && wanted !== null && isLeased(wanted) && !taken.has(wanted))
      address = wanted;
    for (let i = 0; i < GUEST_COUNT && address === undefined; i++)
      if (!taken.has(FIRST_GUEST + i)) address = FIRST_GUEST + i;
    if (address === undefined) {
      const [[oldest, its]] = this.#leases as Iterable<[string, number]> as [[string, number]];
      this.#leases.delete(oldest);
      address = its;
    }
    this.#leases.delete(client);
    this.#leases.set(client, address);
    return address;
  }

  #answer(request: Request, kind: number, address: number): void {
    const { mac, wantsBroadcast, view } = request;
    const options = [OPTION_MESSAGE, 1, kind, OPTION_SERVER, 4, ...bytesOf(GATEWAY)];
    if (kind !== NAK) {
      if (address !== 0) options.push(OPTION_LEASE_TIME, 4, ...bytesOf(LEASE_SECONDS));
      options.push(OPTION_NETMASK, 4, ...bytesOf(NETMASK));
      if (this.#hasRoute) {
        options.push(OPTION_ROUTER, 4, ...bytesOf(GATEWAY));
        options.push(OPTION_NAME_SERVER, 4, ...bytesOf(NAME_SERVER));
      }
    }
    options.push(OPTION_END);
    const message = new Uint8Array(Math.max(FIXED_BYTES + 4 + options.length, MIN_MESSAGE_BYTES));
    const answer = viewOf(message);
    // Hardware type and length, transaction, flags and the client's address are its own.
    for (const at of [0, 4, 8]) answer.setUint32(at, view.getUint32(at));
    message[0] = BOOT_REPLY;
    message[3] = 0;
    answer.setUint16(8, 0);
    if (kind === ACK) answer.setUint32(12, request.current);
    answer.setUint32(16, address);
    answer.setUint32(20, GATEWAY);
    message.set(mac, 28);
    answer.setUint32(FIXED_BYTES, COOKIE);
    message.set(options, FIXED_BYTES + 4);
    const target = wantsBroadcast || kind === NAK ? BROADCAST_MAC : mac;
    const server = { address: GATEWAY, port: DHCP_SERVER_PORT };
    this.#link.sendUdp(server, { address: ANY_BROADCAST, port: CLIENT_PORT }, message, target);
  }
}

function isLeased(address: number): boolean {
  return address >= FIRST_GUEST && address < FIRST_GUEST + GUEST_COUNT;
}

function bytesOf(value: number): number[] {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255);
}

function parseRequest(message: Uint8Array): Request | null {
  const view = viewOf(message);
  if (message.byteLength < FIXED_BYTES + 4 || view.getUint32(FIXED_BYTES) !== COOKIE) return null;
  // Ethernet, with addresses of six bytes.
  if (message[0] !== BOOT_REQUEST || message[1] !== 1 || message[2] !== 6) return null;
  const found = new Map<number, number>();
  for (let at = FIXED_BYTES + 4; at < message.byteLength; ) {
    const option = view.getUint8(at);
    if (option === OPTION_END) break;
    if (option === OPTION_PAD) {
      at++;
      continue;
    }
    const length = at + 1 < message.byteLength ? view.getUint8(at + 1) : 0;
    if (at + 2 + length > message.byteLength) return null;
    if (option === OPTION_MESSAGE && length === 1) found.set(option, view.getUint8(at + 2));
    else if (length === 4) found.set(option, view.getUint32(at + 2));
    at += 2 + length;
  }
  const kind = found.get(OPTION_MESSAGE);
  if (kind === undefined) return null;
  return {
    view,
    kind,
    mac: message.slice(28, 34),
    requested: found.get(OPTION_REQUESTED) ?? null,
    server: found.get(OPTION_SERVER) ?? null,
    current: view.getUint32(12),
    wantsBroadcast: (view.getUint16(10) & 0x8000) !== 0,
  };
}
