// Hostile drivers of virtio devices: random descriptors, rings and register accesses, over every device and transport
// (virtio/hostile-driver.ts). `npm run test:hostile-virtio` does many more.
import { describe, expect, it } from 'vitest';
import { deviceMakers, transportMakers } from './virtio/hostile-devices.js';
import { HostileDriver } from './virtio/hostile-driver.js';

const STEPS = 20_000;
const MAX_GROWTH_BYTES = 64 << 20;
const cases = Object.keys(deviceMakers).flatMap((device) =>
  Object.keys(transportMakers).map((transport) => [device, transport] as const),
);

describe('a random driver gets no exception, no other memory and no memory of the host from', () => {
  it.each(cases)('%s over %s', async (device, transport) => {
    const before = process.memoryUsage().arrayBuffers;
    const driver = new HostileDriver(1, deviceMakers[device](), transport);
    for (let done = 0; done < STEPS; done += 1000) {
      driver.run(1000);
      // What disks do comes back.
      await new Promise((resolve) => setTimeout(resolve));
    }
    // That it got somewhere: buffers used, and stops for what was wrong.
    expect(driver.statistics.used).toBeGreaterThan(100);
    expect(driver.statistics.failures).toBeGreaterThan(100);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(MAX_GROWTH_BYTES);
  });
});
