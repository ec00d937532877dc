// `npm run bench`: the table of all measurements, or with BENCH_JSON=1 one JSON document. Arguments: only names that contain one of
// them. Enforces nothing: SPECIFICATION.md says which numbers are promised, and what they were where.
import { arch, cpus } from 'node:os';
import { backEnds } from './back-ends.js';
import { decoders } from './decoder.js';
import { devices } from './devices.js';
import { exits } from './exits.js';
import { hypercalls } from './hypercalls.js';
import { type Measurement, measured, type Result, tableOf } from './measurement.js';
import { tiers } from './tiers.js';
import { userNetworks } from './user-network.js';
import { x86Hypercalls } from './x86-hypercalls.js';

const wanted = process.argv.slice(2);
const json = process.env['BENCH_JSON'] !== undefined;
const all: readonly (Measurement | (() => Measurement | Promise<Measurement>))[] = [
  ...decoders,
  ...tiers,
  ...exits,
  ...devices,
  ...backEnds,
  ...userNetworks,
  ...hypercalls,
  ...x86Hypercalls,
];
const results: Result[] = [];
for (const each of all) {
  const m = typeof each === 'function' ? await each() : each;
  try {
    if (wanted.length > 0 && !wanted.some((name) => m.name.includes(name))) continue;
    const result = await measured(m);
    results.push(result);
    if (!json) console.log(tableOf([result]));
  } finally {
    await m.close?.();
  }
}
const host = { node: process.version, cpu: cpus()[0]?.model ?? 'unknown', arch: arch() };
if (json) console.log(JSON.stringify({ version: 1, host, results }, null, 1));
else console.log(`\n${host.cpu}, Node ${host.node}`);
