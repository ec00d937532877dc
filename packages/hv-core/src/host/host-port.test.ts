import { EVTCHNSTAT_unbound } from '@proxeny/abi';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Domain } from '../domain.js';
import { MachineMemory } from '../frame/machine-memory.js';
import { Hypervisor } from '../hypervisor.js';
import { ManualClock } from '../time/clock.js';
import { HostPort } from './host-port.js';

let hypervisor: Hypervisor;
let host: Domain;
let guest: Domain;

beforeEach(() => {
  hypervisor = new Hypervisor({ memory: new MachineMemory(1 << 20), clock: new ManualClock() });
  host = hypervisor.createDomain({ id: 0, kind: 'translated', limits: { maxPort: 3 } });
  guest = hypervisor.createDomain({ id: 5, kind: 'translated' });
});

function bound(port: HostPort | null): HostPort {
  if (!port) throw new Error('not bound');
  return port;
}

describe("the host's end of an event channel", () => {
  it('hears of events between slices, and sends them', () => {
    const far = guest.events.allocUnbound(0);
    const port = bound(HostPort.bind(host, 5, far.port));
    let heard = 0;
    port.onEvent(() => heard++);
    expect(heard).toBe(0);
    hypervisor.step();
    expect(heard).toBe(1);
    guest.events.send(far);
    guest.events.send(far);
    hypervisor.step();
    expect(heard).toBe(2);
    expect(guest.events.delivery.isPending(far)).toBe(false);
    port.notify();
    expect(guest.events.delivery.isPending(far)).toBe(true);
  });

  it('is refused for a port that was not made for it', () => {
    const forOther = guest.events.allocUnbound(7);
    const far = guest.events.allocUnbound(0);
    expect(HostPort.bind(host, 5, forOther.port)).toBeNull();
    expect(HostPort.bind(host, 5, 99)).toBeNull();
    expect(HostPort.bind(host, 5, 1.5)).toBeNull();
    expect(HostPort.bind(host, 6, far.port)).toBeNull();
    bound(HostPort.bind(host, 5, far.port));
    expect(HostPort.bind(host, 5, far.port)).toBeNull();
  });

  it("is refused when the host's domain has no port left", () => {
    for (let i = 0; i < 3; i++) bound(HostPort.bind(host, 5, guest.events.allocUnbound(0).port));
    expect(HostPort.bind(host, 5, guest.events.allocUnbound(0).port)).toBeNull();
  });

  it("leaves the guest's end unbound when it closes, and says no more", () => {
    const far = guest.events.allocUnbound(0);
    const port = bound(HostPort.bind(host, 5, far.port));
    port.close();
    port.close();
    port.notify();
    expect(far.state).toBe(EVTCHNSTAT_unbound);
    expect(guest.events.delivery.isPending(far)).toBe(false);
    expect([...host.events.open()]).toEqual([]);
  });

  it('goes on alone when the guest closes its end or is destroyed', () => {
    const far = guest.events.allocUnbound(0);
    const port = bound(HostPort.bind(host, 5, far.port));
    guest.events.close(far);
    port.notify();
    const second = bound(HostPort.bind(host, 5, guest.events.allocUnbound(0).port));
    hypervisor.destroyDomain(guest);
    second.notify();
    port.close();
    second.close();
    expect([...host.events.open()]).toEqual([]);
  });
});
