// The life of domains, as their host and other domains see it: what is left of one that was destroyed.
import { HvError } from '@proxeny/hv-core';
import { describe, expect, it } from 'vitest';
import { grant, map, showTable, unmap } from './grant-calls.js';
import { NativeMachine } from './native-machine.js';

describe('a destroyed domain', () => {
  it('keeps its number while others map its frames, so that no new domain gets them', () => {
    const machine = new NativeMachine();
    const { hypervisor } = machine;
    const owner = machine.guest(
      function* (g) {
        yield* showTable(g);
        grant(g, 9, 2, 5);
      },
      { id: 1 },
    );
    machine.run();
    let isDestroyed = false;
    const user = machine.guest(
      function* (g) {
        const { handle } = yield* map(g, 1, 9, 20);
        isDestroyed = true;
        hypervisor.destroyDomain(owner.domain);
        const whileMapped = [hypervisor.dyingCount, createdAs(1)];
        const status = yield* unmap(g, handle, 20);
        return [...whileMapped, status, hypervisor.dyingCount, createdAs(1)];
      },
      { id: 2 },
    );
    const createdAs = (id: number): string => {
      try {
        hypervisor.destroyDomain(hypervisor.createDomain({ id }));
        return 'made';
      } catch (error) {
        return error instanceof HvError ? error.code : String(error);
      }
    };
    machine.run();
    user.check();
    expect(isDestroyed).toBe(true);
    expect(user.value).toEqual([1, 'exists', 0, 0, 'made']);
    expect(machine.destroyAll()).toBeNull();
  });
});
