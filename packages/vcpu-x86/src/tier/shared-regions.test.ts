// Regions that several machines share, and what becomes of a machine whose regions have to go.
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { RegionLibrary } from '../region/library.js';
import { MODE_KEY } from '../state/layout.js';
import { MODE_CLASS_MASK } from '../state/mode-key.js';
import { TestingMachine } from '../testing-machine.contract.js';

/** Adds `step` to EAX a hundred times. */
const adding = (step: number): string => `mov ecx, 100
again:
add eax, ${step}
dec ecx
jnz again
hlt`;

/** Loops one after another, each of which becomes a region. */
const loops = (count: number): string =>
  Array.from(
    { length: count },
    (_, i) => `mov ecx, 50
loop${i}:
add eax, ${i + 1}
imul ebx, eax
dec ecx
jnz loop${i}`,
  ).join('\n');

/** Also of what WeakRefs have kept for the running task. */
async function collectGarbage(): Promise<void> {
  await setImmediate();
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

function ended(
  text: string,
  more: ConstructorParameters<typeof TestingMachine>[3],
  hotThreshold = 5,
) {
  const m = new TestingMachine(text, 32, hotThreshold, more);
  expect(m.run()).toBe(true);
  return m;
}

describe('machines that share a library', () => {
  it('compile the same code once', () => {
    const library = new RegionLibrary();
    const first = ended(adding(3), { library });
    const second = ended(adding(3), { library });
    expect(first.cpu.hot.counters).toMatchObject({ compiled: 1, reused: 0 });
    expect(second.cpu.hot.counters).toMatchObject({ compiled: 0, reused: 1 });
    expect(second.cpu.state.gpr32(0)).toBe(300);
  });

  it('do not take code for what differs in a byte', () => {
    const library = new RegionLibrary();
    ended(adding(3), { library });
    const other = ended(adding(5), { library });
    expect(other.cpu.hot.counters).toMatchObject({ compiled: 1, reused: 0 });
    expect(other.cpu.state.gpr32(0)).toBe(500);
  });
});

describe('a block that a region of the library runs', () => {
  // `join` is in the region of `again`, and each fourth time control comes to it from an instruction that regions leave.
  const text = `mov esi, 12500
again:
add edi, 1
test edi, 3
jz past
cmp edi, ebp
test edi, 1
jz join
test edi, 2
jz join
cpuid
jmp join
nop
join:
add ebp, edi
past:
dec esi
jnz again
hlt`;

  it('has none of its own unless it had one in the machine that compiled it', () => {
    const library = new RegionLibrary();
    const first = ended(text, { library }, 1000);
    const second = ended(text, { library }, 1000);
    expect(first.cpu.hot.counters.compiled).toBeGreaterThan(0);
    expect(second.cpu.hot.counters.compiled).toBe(0);
    expect(second.cpu.state.gpr32(5)).toBe(first.cpu.state.gpr32(5));
  });
});

describe('where an earlier run left regions', () => {
  const text = (executions: number): string => `mov ecx, ${executions}
again:
add eax, 3
dec ecx
jnz again
hlt`;
  function libraryWith(regions: number): RegionLibrary {
    const library = new RegionLibrary();
    const code = { modeClass: 21, entry: 7, first: 0, runs: [7, 8], lone: [], instructions: 1 };
    const codes = new Map([['0', { ...code, bytes: Uint8Array.of(0x90) }]]);
    const module = { environment: 'x86', byteLength: 8, codes };
    library.attach({
      modules: [module].slice(0, regions),
      load: () => null,
      keep: () => null,
      compile: (bytes) => new WebAssembly.Module(bytes),
      ran: () => {},
    });
    return library;
  }

  it.each([
    ['another is compiled when it was wanted often', 1, 18_000, 1],
    ['another is not compiled before', 1, 14_000, 0],
    ['and where it left none, at once', 0, 4_000, 1],
  ])('%s', (_, regions, executions, compiled) => {
    const m = ended(text(executions), { library: libraryWith(regions) }, 1000);
    expect(m.cpu.hot.counters.compiled).toBe(compiled);
    expect(m.cpu.state.gpr32(0)).toBe(3 * executions);
  });
});

describe('regions of one module', () => {
  it('run when enough of them have come together', () => {
    const text = `${loops(8)}\nhlt`;
    const cold = new TestingMachine(text, 32, Number.POSITIVE_INFINITY);
    expect(cold.run()).toBe(true);
    const m = ended(text, { hotBatch: 4 });
    const { compiled, modules } = m.cpu.hot.counters;
    expect(modules).toBeGreaterThan(0);
    expect(compiled).toBe(4 * modules);
    expect(m.summary()).toBe(cold.summary());
  });

  it('are compiled after a while however few they are', () => {
    const m = new TestingMachine('again:\ninc eax\njmp again', 32, 5, { hotBatch: 100 });
    m.cpu.run(1000);
    expect(m.cpu.hot.counters.modules).toBe(0);
    for (let i = 0; i < 5; i++) m.cpu.run(3_000_000);
    expect(m.cpu.hot.counters.modules).toBe(1);
  });
});

describe('a region', () => {
  it('leaves its blocks nothing to be hot for', () => {
    const text = `mov ecx, 6000
again:
test ecx, 1
jz even
add eax, ecx
jmp next
even:
add ebx, ecx
jmp next
next:
dec ecx
jnz again
hlt`;
    const m = ended(text, { hotBatch: 100 }, 1500);
    expect(m.cpu.hot.counters.compiled).toBe(1);
  });
});

describe('accesses that lie on two pages together', () => {
  // The first at a page's end, the second at the next one's start.
  const text = `mov ebx, 5ffch
mov ecx, 20000
again:
add eax, [ebx]
add edx, [ebx+4]
dec ecx
jnz again
hlt`;

  it('look for their pages alone once regions have left there often', () => {
    const cold = new TestingMachine(text, 32, Number.POSITIVE_INFINITY);
    expect(cold.run()).toBe(true);
    const m = ended(text, {});
    expect(m.cpu.hot.counters).toMatchObject({ compiled: 2, dropped: 1 });
    expect(m.summary()).toBe(cold.summary());
  });

  it('do so in a machine that comes later', () => {
    const library = new RegionLibrary();
    ended(text, { library });
    const later = ended(text, { library });
    expect(later.cpu.hot.counters).toMatchObject({ compiled: 0, reused: 1, dropped: 0 });
  });

  it('do so together, where a region has them in its middle', () => {
    // Four fields of a structure that lies on two pages, behind a branch: only the first of them is left at.
    const fields = `mov ebx, 5ff8h
mov ecx, 20000
again:
test ecx, 0ffffh
jz again
add eax, [ebx]
add edx, [ebx+4]
add [ebx+8], eax
add edi, [ebx+12]
dec ecx
jnz again
hlt`;
    const cold = new TestingMachine(fields, 32, Number.POSITIVE_INFINITY);
    expect(cold.run()).toBe(true);
    const m = ended(fields, {}, 3000);
    expect(m.cpu.hot.counters).toMatchObject({ compiled: 2, dropped: 1 });
    expect(m.summary()).toBe(cold.summary());
  });
});

describe('a region that waits for its module', () => {
  it('goes when an instruction of it is found to need a probe of its own', () => {
    const text =
      'mov ecx, 20000\nagain:\nadd eax, [6000h]\nadd edx, [6004h]\ndec ecx\njnz again\nhlt';
    const m = new TestingMachine(text, 32, 5, { hotBatch: 100 });
    const { hot, engine, state } = m.cpu;
    m.cpu.run(100);
    expect(hot.counters).toMatchObject({ modules: 0, dropped: 0 });
    const again = state.rip;
    const modeClass = state.get(MODE_KEY) & MODE_CLASS_MASK;
    const rec = engine.blocks.lookup(m.ram.byteOffset + again, modeClass);
    expect(rec).not.toBe(0);
    hot.isolate(rec);
    expect(hot.counters.dropped).toBe(1);
    expect(m.run()).toBe(true);
    expect(hot.counters).toMatchObject({ compiled: 2, dropped: 1 });
  });
});

describe('regions that go on to one another', () => {
  // Two functions of a page each, called in turns; `change` is done halfway.
  const turns = (change: string): string => `mov esi, 400
again:
cmp esi, 200
jne past
${change}
past:
mov eax, first
call eax
mov eax, second
call eax
dec esi
jnz again
hlt
times 3000h-($-$$) db 90h
first:
add ebx, 3
imul ebx, ebx, 5
ret
times 4000h-($-$$) db 90h
second:
add edx, ebx
xor edx, 55h
ret`;

  it.each([
    ['are what their code is now', 'mov byte [14000h], 29h'],
    ['end when one of them is no code any more', 'mov byte [14000h], 0f4h'],
  ])('%s', (_, change) => {
    const cold = new TestingMachine(turns(change), 32, Number.POSITIVE_INFINITY);
    expect(cold.run()).toBe(true);
    const m = ended(turns(change), {});
    expect(m.cpu.hot.counters.compiled).toBeGreaterThan(2);
    expect(m.summary()).toBe(cold.summary());
  });

  it('take the places of others that went', () => {
    // Forty functions of a page each, all changed again and again: each is called twelve times a round.
    const count = 40;
    const pages = Array.from({ length: count }, (_, i) => i);
    const text = `mov esi, 40
round:
${pages.map((i) => `xor byte [${0x11000 + i * 4096}], 28h`).join('\n')}
mov ecx, 12
again:
${pages.map((i) => `mov eax, ${0x11000 + i * 4096}\ncall eax`).join('\n')}
dec ecx
jnz again
dec esi
jnz round
hlt
${pages.map((i) => `times ${0x1000 + i * 4096}-($-$$) db 90h\nadd ebx, ecx\nimul ebx, ebx, ${i * 2 + 3}\nret`).join('\n')}`;
    const cold = new TestingMachine(text, 32, Number.POSITIVE_INFINITY);
    expect(cold.run()).toBe(true);
    const m = ended(text, {});
    expect(m.cpu.hot.counters.dropped).toBeGreaterThan(150);
    expect(m.summary()).toBe(cold.summary());
  });

  it('let a slice end', () => {
    const m = new TestingMachine(turns('').replace('mov esi, 400', 'mov esi, -1'), 32, 5);
    m.cpu.run(10_000);
    const before = m.cpu.state.gpr32(6);
    for (let slice = 0; slice < 10; slice++) m.cpu.run(1_000);
    // Some 14 instructions a turn, and what entering regions costs.
    const turnsTaken = (before - m.cpu.state.gpr32(6)) >>> 0;
    expect(turnsTaken).toBeGreaterThan(300);
    expect(turnsTaken).toBeLessThan(1_000);
  });
});

describe('a library that is full', () => {
  it('counts what a module costs, however little is in it', () => {
    const library = new RegionLibrary(1 << 20);
    const empty = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0);
    for (let i = 0; i < 600; i++) library.add('any', empty, new Map());
    expect(library.moduleCount).toBeLessThan(256);
    expect(library.counters.evictedModules).toBe(600 - library.moduleCount);
  });

  it('lets the oldest modules go, and the guest computes the same', () => {
    const text = `mov edi, 20
outer:
${loops(12)}
dec edi
jnz outer
hlt`;
    const cold = new TestingMachine(text, 32, Number.POSITIVE_INFINITY);
    expect(cold.run()).toBe(true);
    const library = new RegionLibrary(2000);
    const m = ended(text, { library });
    expect(library.counters.evictedModules).toBeGreaterThan(0);
    expect(library.counters.liveBytes).toBeLessThan(4000);
    expect(m.summary()).toBe(cold.summary());
  });

  it('leaves nothing of the modules that went in memory', async () => {
    const text = `${loops(1500)}\nhlt`;
    const cold = new TestingMachine(text, 32, Number.POSITIVE_INFINITY);
    expect(cold.run()).toBe(true);
    const library = new RegionLibrary(2000);
    const compiled: WeakRef<WebAssembly.Module>[] = [];
    const add = library.add.bind(library);
    library.add = (...module) => {
      const added = add(...module);
      compiled.push(new WeakRef(added.compiled as WebAssembly.Module));
      return added;
    };
    const m = ended(text, { library });
    expect(m.summary()).toBe(cold.summary());
    expect(library.counters.evictedModules).toBeGreaterThan(80);
    await collectGarbage();
    const alive = compiled.filter((c) => c.deref() !== undefined).length;
    expect(alive).toBeLessThanOrEqual(library.moduleCount + 1);
  });
});
