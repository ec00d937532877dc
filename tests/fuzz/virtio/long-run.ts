// `npm run test:hostile-virtio`: ten million steps of hostile drivers, as in fuzz/virtio.test.ts, spread over devices and transports.
// Options: HOSTILE_STEPS, HOSTILE_SEED (the first driver's). Stops at the first breach, with the seed that shows it again.
import { deviceMakers, transportMakers } from './hostile-devices.js';
import { HostileDriver } from './hostile-driver.js';

const wanted = Number(process.env['HOSTILE_STEPS'] ?? 10_000_000);
const firstSeed = Number(process.env['HOSTILE_SEED'] ?? 1);
const STEPS_OF_DRIVER = 50_000;
const STEPS_AT_ONCE = 1000;

const total = { steps: 0, failures: 0, used: 0 };
let seed = firstSeed;
let what = '';
try {
  for (; total.steps < wanted; seed++) {
    for (const [device, make] of Object.entries(deviceMakers)) {
      for (const transport of Object.keys(transportMakers)) {
        what = `driver ${seed} of ${device} over ${transport}`;
        const driver = new HostileDriver(seed, make(), transport);
        for (let done = 0; done < STEPS_OF_DRIVER; done += STEPS_AT_ONCE) {
          driver.run(STEPS_AT_ONCE);
          await new Promise((resolve) => setImmediate(resolve));
        }
        total.steps += driver.statistics.steps;
        total.failures += driver.statistics.failures;
        total.used += driver.statistics.used;
      }
    }
    const mib = Math.round(process.memoryUsage().rss / 2 ** 20);
    console.log(`drivers ${firstSeed} to ${seed}, ${mib} MiB: ${JSON.stringify(total)}`);
  }
} catch (error) {
  console.error(`${what}: ${error instanceof Error ? error.stack : String(error)}`);
  console.error(`see it again: HOSTILE_SEED=${seed} HOSTILE_STEPS=1 npm run test:hostile-virtio`);
  process.exitCode = 1;
}
