// `--net KIND[,options]` and `--publish`, read: what a network card is to be plugged into, and which ports of the host's lead to the guest.
import { FIRST_GUEST, type PortForward, type StreamAddress } from '@proxeny/machine/pc';
import { usageError } from './command-error.js';

/** What a card is plugged into. */
export type NetworkKind =
  | { readonly kind: 'user'; readonly isRestricted: boolean; readonly reachesHost: boolean }
  | { readonly kind: 'switch'; readonly name: string }
  | { readonly kind: 'listen' | 'connect'; readonly address: StreamAddress };

/** A card as it was asked for. */
export interface NetworkWish {
  readonly network: NetworkKind;
  /** `52:54:00:12:34:56`; null: any. */
  readonly mac: string | null;
  /** A file for all of its frames. */
  readonly capture: string | null;
}

const kinds = 'user, none, switch=NAME, listen=ADDRESS:PORT, connect=ADDRESS:PORT';
const DEFAULT_ADDRESS = '127.0.0.1';

/** Null: there is to be no card. @throws CommandError */
export function parseNetwork(text: string): NetworkWish | null {
  const fail = (what: string): Error => usageError(`--net '${text}': ${what}`);
  const [head = '', ...rest] = text.split(',');
  const [kind, value] = split(head);
  const options = new Map(rest.map(split));
  const take = (name: string): string | null => {
    const its = options.get(name) ?? null;
    options.delete(name);
    return its;
  };
  const flag = (name: string, otherwise: boolean): boolean => {
    const its = take(name);
    if (its === null) return otherwise;
    if (its !== 'on' && its !== 'off') throw fail(`${name} is on or off`);
    return its === 'on';
  };
  const mac = take('mac');
  if (mac !== null && !isStationAddress(mac))
    throw fail(`'${mac}' is no address of a card; write it like 52:54:00:12:34:56`);
  const capture = take('capture');
  if (capture === '') throw fail('capture names no file');
  let network: NetworkKind | null = null;
  if (head === 'user')
    network = {
      kind: 'user',
      isRestricted: flag('restrict', false),
      reachesHost: flag('host', true),
    };
  else if (kind === 'switch' && value !== '') network = { kind, name: value };
  else if (kind === 'listen' || kind === 'connect')
    network = { kind, address: streamAddress(value, fail) };
  else if (head !== 'none') throw fail(`'${head}' is no network; use ${kinds}`);
  const [unknown] = options.keys();
  if (unknown !== undefined) throw fail(`'${unknown}' is not known for ${kind}`);
  if (network) return { network, mac, capture };
  if (mac ?? capture) throw fail('without a network there is no card');
  return null;
}

/** `name=value`. */
function split(text: string): [name: string, value: string] {
  const at = text.indexOf('=');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

/** Of one station, not of a group. */
function isStationAddress(text: string): boolean {
  return /^[\da-f]{2}(:[\da-f]{2}){5}$/i.test(text) && (Number.parseInt(text, 16) & 1) === 0;
}

/** `127.0.0.1:5000`, `[::1]:5000`, `:5000`, `unix:/run/network`. */
function streamAddress(text: string, fail: (what: string) => Error): StreamAddress {
  if (text.startsWith('unix:') && text.length > 5) return { path: text.slice(5) };
  const [, bracketed, plain = '', digits = ''] =
    /^(?:\[([\da-f:.]+)\]|([^:[\]]*)):(\d+)$/i.exec(text) ?? [];
  const port = portOf(digits);
  if (port === null)
    throw fail(`'${text}' is no address; write it like 127.0.0.1:5000 or unix:PATH`);
  return { host: bracketed ?? (plain || DEFAULT_ADDRESS), port };
}

function portOf(digits: string): number | null {
  const port = Number(digits);
  return /^\d+$/.test(digits) && port > 0 && port < 65_536 ? port : null;
}

/** `[tcp|udp:][ADDRESS:]8080:80`, or with `/udp` at the end. @throws CommandError */
export function parsePublish(text: string): PortForward {
  const form = /^(?:(tcp|udp):)?(?:(?:\[([\da-f:.]+)\]|([\d.]+)):)?(\d+):(\d+)(?:\/(tcp|udp))?$/i;
  const [whole, before, bracketed, plain, hostDigits = '', guestDigits = '', after] =
    form.exec(text) ?? [];
  const [port, guestPort] = [portOf(hostDigits), portOf(guestDigits)];
  if (whole === undefined || port === null || guestPort === null || (before && after))
    throw usageError(
      `--publish '${text}' is no pair of ports; write it like 8080:80, 0.0.0.0:8080:80 or udp:5353:53`,
    );
  return {
    protocol: (before ?? after ?? 'tcp').toLowerCase() as 'tcp' | 'udp',
    host: { address: bracketed ?? plain ?? DEFAULT_ADDRESS, port },
    guest: { address: FIRST_GUEST, port: guestPort },
  };
}
