import { describe, expect, it } from 'vitest';
import { makeCable, makeLoopback } from './cable.js';
import { type EthernetFrame, type NetworkPort, plainFrame } from './network-port.js';
import { NetworkSwitch } from './network-switch.js';

const BROADCAST = 0xffff_ffff_ffff;

/** A frame between the stations whose addresses end with those numbers. */
function frame(to: number, from: number): EthernetFrame {
  const bytes = new Uint8Array(60);
  const view = new DataView(bytes.buffer);
  const write = (at: number, station: number): void => {
    const isBroadcast = station === BROADCAST;
    view.setUint16(at, isBroadcast ? 0xffff : 0x0200);
    view.setUint32(at + 2, isBroadcast ? 0xffff_ffff : station);
  };
  write(0, to);
  write(6, from);
  return plainFrame(bytes);
}

/** Counts what arrives. */
function station(port: NetworkPort): { port: NetworkPort; heard: EthernetFrame[] } {
  const heard: EthernetFrame[] = [];
  port.listen((each) => heard.push(each));
  return { port, heard };
}

describe('a switch', () => {
  it('sends what it does not know, and what is for all, to all others', () => {
    const network = new NetworkSwitch();
    const [a, b, c] = [1, 2, 3].map(() => station(network.addPort()));
    a?.port.send(frame(9, 1));
    a?.port.send(frame(BROADCAST, 1));
    expect([a, b, c].map((each) => each?.heard.length)).toEqual([0, 2, 2]);
  });

  it('sends what is for a station it has heard only there', () => {
    const network = new NetworkSwitch();
    const [a, b, c] = [1, 2, 3].map(() => station(network.addPort()));
    b?.port.send(frame(BROADCAST, 2));
    a?.port.send(frame(2, 1));
    expect([a, b, c].map((each) => each?.heard.length)).toEqual([1, 1, 1]);
    b?.port.send(frame(2, 7));
    expect(b?.heard.length).toBe(1);
  });

  it('learns anew when a station moves, and forgets a port that is unplugged', () => {
    const network = new NetworkSwitch();
    const [a, b, c] = [1, 2, 3].map(() => station(network.addPort()));
    a?.port.send(frame(BROADCAST, 1));
    c?.port.send(frame(BROADCAST, 1));
    b?.port.send(frame(1, 2));
    expect(a?.heard.length).toBe(1);
    expect(c?.heard.length).toBe(2);
    c?.port.close();
    c?.port.close();
    c?.port.send(frame(BROADCAST, 1));
    b?.port.send(frame(1, 2));
    expect(a?.heard.length).toBe(2);
    expect(c?.heard.length).toBe(2);
    expect(network.portCount).toBe(2);
  });

  it('remembers a bounded number of addresses, and drops what is shorter than a header', () => {
    const network = new NetworkSwitch();
    const [a, b, c] = [1, 2, 3].map(() => station(network.addPort()));
    a?.port.send(frame(BROADCAST, 5000));
    for (let i = 0; i < 1024; i++) b?.port.send(frame(BROADCAST, i));
    const before = c?.heard.length ?? 0;
    b?.port.send(frame(5000, 3));
    expect(c?.heard.length).toBe(before + 1);
    b?.port.send(plainFrame(new Uint8Array(13)));
    expect(c?.heard.length).toBe(before + 1);
  });
});

describe('a cable', () => {
  it('carries frames both ways until one end is unplugged', () => {
    const [one, other] = makeCable().map(station) as [
      ReturnType<typeof station>,
      ReturnType<typeof station>,
    ];
    one.port.send(frame(1, 2));
    other.port.send(frame(2, 1));
    expect([one.heard.length, other.heard.length]).toEqual([1, 1]);
    other.port.close();
    one.port.send(frame(1, 2));
    other.port.send(frame(1, 2));
    expect([one.heard.length, other.heard.length]).toEqual([1, 1]);
  });

  it('from a port to itself gives back what it gets', () => {
    const loop = station(makeLoopback());
    loop.port.send(frame(1, 2));
    expect(loop.heard).toEqual([frame(1, 2)]);
  });
});
