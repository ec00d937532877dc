import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { plainFrame } from '@proxeny/machine';
import { describe, expect, it } from 'vitest';
import { type NetworkCard, openNetworks } from './network-option.js';
import { parseNetwork, parsePublish } from './network-wish.js';

const folder = mkdtempSync(join(tmpdir(), 'network-option-'));

describe('--net', () => {
  it.each([
    ['user', { kind: 'user', isRestricted: false, reachesHost: true }],
    ['user,restrict=on', { kind: 'user', isRestricted: true, reachesHost: true }],
    ['user,host=off', { kind: 'user', isRestricted: false, reachesHost: false }],
    ['switch=lan', { kind: 'switch', name: 'lan' }],
    ['listen=:5000', { kind: 'listen', address: { host: '127.0.0.1', port: 5000 } }],
    ['connect=[::1]:5000', { kind: 'connect', address: { host: '::1', port: 5000 } }],
    ['connect=unix:/run/x', { kind: 'connect', address: { path: '/run/x' } }],
  ])('%s', (text, network) => {
    expect(parseNetwork(text)).toEqual({ network, mac: null, capture: null });
    const more = parseNetwork(`${text},mac=52:54:00:12:34:56,capture=a.pcapng`);
    expect(more).toEqual({ network, mac: '52:54:00:12:34:56', capture: 'a.pcapng' });
  });

  it.each([
    ['usr', "'usr' is no network"],
    ['user=1', "'user=1' is no network"],
    ['switch=', "'switch=' is no network"],
    ['user,restrict=yes', 'restrict is on or off'],
    ['switch=x,restrict=on', "'restrict' is not known for switch"],
    ['user,mac=01:00:00:00:00:00', 'is no address of a card'],
    ['user,mac=52:54', 'is no address of a card'],
    ['user,capture=', 'capture names no file'],
    ['listen=5000', 'is no address'],
    ['listen=:0', 'is no address'],
    ['connect=unix:', 'is no address'],
    ['none,capture=x', 'there is no card'],
  ])('%s is refused: %s', (text, message) => {
    expect(() => parseNetwork(text)).toThrow(message);
  });
});

describe('--publish', () => {
  const guest = (port: number) => ({ address: 0x0a00_020f, port });
  it.each([
    ['8080:80', 'tcp', '127.0.0.1', 8080, 80],
    ['tcp:8080:80', 'tcp', '127.0.0.1', 8080, 80],
    ['udp:5353:53', 'udp', '127.0.0.1', 5353, 53],
    ['5353:53/udp', 'udp', '127.0.0.1', 5353, 53],
    ['0.0.0.0:8080:80', 'tcp', '0.0.0.0', 8080, 80],
    ['udp:[::1]:1:2', 'udp', '::1', 1, 2],
  ] as const)('%s', (text, protocol, address, port, guestPort) => {
    const expected = { protocol, host: { address, port }, guest: guest(guestPort) };
    expect(parsePublish(text)).toEqual(expected);
  });

  it.each(['80', '0:80', '80:65536', 'x:80:80', 'tcp:80:80/udp', 'icmp:1:2'])(
    '%s is refused',
    (text) => {
      expect(() => parsePublish(text)).toThrow('is no pair of ports');
    },
  );
});

describe('networks that are opened', () => {
  it('make a user network for published ports alone, and need one', async () => {
    const networks = await openNetworks([], ['udp:15353:53']);
    expect(networks.cards.length).toBe(1);
    expect(networks.cards[0]?.mac).toMatch(/^52:54:00(:[\da-f]{2}){3}$/);
    await expect(openNetworks([], ['udp:15353:53'])).rejects.toThrow(
      '--publish: udp port 15353 of 127.0.0.1: is in use',
    );
    networks.close();
    await expect(openNetworks(['switch=a'], ['1:2'])).rejects.toThrow('needs --net user');
    await expect(openNetworks(['none', 'user'], [])).rejects.toThrow('goes not with');
    expect((await openNetworks(['none'], [])).cards).toEqual([]);
  });

  it('join cards of one switch, and capture into one file', async () => {
    const path = join(folder, 'both.pcapng');
    const texts = ['a', 'b', 'a'].map((name) => `switch=${name},capture=${path}`);
    const networks = await openNetworks(texts, []);
    const { cards } = networks;
    const heard: number[] = [];
    for (const [i, { network }] of cards.entries()) network.listen(() => heard.push(i));
    const [first] = cards as [NetworkCard, ...NetworkCard[]];
    first.network.send(plainFrame(new Uint8Array(60).fill(255)));
    expect(heard).toEqual([2]);
    networks.close();
    const text = readFileSync(path, 'latin1');
    expect(['net0', 'net1', 'net2'].map((name) => text.includes(name))).toEqual([true, true, true]);
  });

  it('say what cannot be opened', async () => {
    const nobody = join(folder, 'nobody');
    await expect(openNetworks([`connect=unix:${nobody}`], [])).rejects.toThrow(
      `--net 'connect=unix:${nobody}': does not exist`,
    );
    await expect(openNetworks([`user,capture=${nobody}/x`], [])).rejects.toThrow(
      'cannot be written',
    );
  });
});
