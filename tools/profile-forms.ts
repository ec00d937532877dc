// Which instruction forms a guest runs most: boots a kernel with counters on and prints the most frequent forms of each mode
// class, the input of packages/vcpu-x86/src/tier/hot-forms.ts.
// Usage: npx tsx --conditions=proxeny-source tools/profile-forms.ts KERNEL INITRD "COMMAND LINE" SECONDS [MODEL] [COUNT]
import { readFileSync } from 'node:fs';
import { Machine } from '../packages/machine/src/machine.js';
import { cpuModel } from '../packages/vcpu-x86/src/routines/cpu-models.js';

const [kernel, initrd, commandLine, seconds, model = 'max', count = '150'] = process.argv.slice(2);
const found = cpuModel(model, (process.env.CPU_CHANGES ?? '').split(' ').filter(Boolean));
if (!found) throw new Error(`no CPU model ${model}`);
const machine = new Machine({
  image: readFileSync(kernel),
  initrd: readFileSync(initrd),
  commandLine,
  memoryBytes: 256 << 20,
  model: found,
  profile: true,
  onSerial: (index, byte) => {
    if (index === 0) process.stderr.write(Uint8Array.of(byte));
  },
});
const timer = setTimeout(() => machine.stop(), Number(seconds) * 1000);
await machine.run();
clearTimeout(timer);
const forms = machine.cpu.executedForms();
for (const modeClass of new Set(forms.map((f) => f.modeClass))) {
  const mine = forms.filter((f) => f.modeClass === modeClass);
  const total = mine.reduce((sum, f) => sum + f.count, 0);
  const top = mine.slice(0, Number(count));
  const covered = top.reduce((sum, f) => sum + f.count, 0);
  console.log(
    JSON.stringify({
      modeClass,
      total,
      covered: covered / total,
      forms: mine.length,
      names: top.map((f) => f.name),
    }),
  );
}
