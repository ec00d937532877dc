// Two domains of the built-in pair's kernel in one machine.
import { assemblePairKernel } from '@proxeny/pv-guest';
import { type CpuModel, cpuModel } from '@proxeny/vcpu-x86';
import { describe, expect, it } from 'vitest';
import { openXenImage } from '../build/xen-image.js';
import { type DomainWish, XenDomains } from './xen-domains.js';

const image = openXenImage(assemblePairKernel(), 'pair');
const memoryBytes = 4 << 20;
const wish = (name: string, commandLine: string, more: Partial<DomainWish> = {}): DomainWish => ({
  name,
  memoryBytes,
  config: () => ({ image, memoryBytes, commandLine, weight: 512, capPercent: 80 }),
  ...more,
});

/** Runs the pair; each time the first prompts, it gets the next line. */
async function runPair(lines: readonly string[], wishes: readonly DomainWish[]) {
  const left = [...lines];
  let printed = '';
  const ends: string[] = [];
  const machine = await XenDomains.build({
    model: cpuModel('max') as CpuModel,
    domains: wishes,
    onConsole: (name, bytes) => {
      if (name !== 'asks') return;
      printed += new TextDecoder().decode(bytes);
      if (printed.endsWith('> '))
        machine.send('asks', new TextEncoder().encode(`${left.shift() ?? 'off'}\n`));
    },
    onEnd: (name, { reason }, action) => ends.push(`${name} ${reason} ${action}`),
  });
  const scheduling = [...machine.machine.hypervisor.domains].map((domain) => domain.scheduling);
  const end = await machine.run();
  return { machine, end, ends, printed, scheduling };
}

describe('domains of one machine', () => {
  it('get their weights and caps, and leave nothing behind when they are off', async () => {
    const pair = [wish('asks', ''), wish('answers', 'answers')];
    const { machine, end, ends, printed, scheduling } = await runPair(['add 40 2'], pair);
    expect(scheduling.slice(1)).toMatchObject(
      Array.from({ length: 2 }, () => ({ weight: 512, capPercent: 80 })),
    );
    expect(printed).toContain('\r\n42\r\n');
    expect(end.reason).toBe('poweroff');
    expect(ends.sort()).toEqual(['answers poweroff destroy', 'asks poweroff destroy']);
    expect([...machine.machine.hypervisor.domains].map(({ id }) => id)).toEqual([0]);
    expect(machine.host.store.list('/local/domain')).toEqual(['0']);
    expect(machine.host.store.list('/vm')).toEqual([]);
  });

  it('start again in the places of those that ended', async () => {
    let starts = 0;
    const answers: DomainWish = {
      ...wish('answers', 'answers'),
      onPoweroff: 'restart',
      config: () => {
        starts++;
        return wish('answers', 'answers').config();
      },
    };
    let rounds = 0;
    const asks = wish('asks', '', { onPoweroff: 'restart' });
    const machine = await XenDomains.build({
      model: cpuModel('max') as CpuModel,
      domains: [asks, answers],
      onConsole: (name, bytes) => {
        if (name !== 'asks' || !new TextDecoder().decode(bytes).endsWith('> ')) return;
        if (++rounds === 4) machine.stop();
        else machine.send('asks', new TextEncoder().encode('off\n'));
      },
    });
    const freeBefore = machine.machine.hypervisor.frames.freeCount;
    const end = await machine.run();
    expect(end.reason).toBe('stopped');
    expect(starts).toBe(4);
    expect(machine.names.sort()).toEqual(['answers', 'asks']);
    expect(Math.abs(machine.machine.hypervisor.frames.freeCount - freeBefore)).toBeLessThan(16);
  });
});
