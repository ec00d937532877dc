// `proxeny xs`, `proxeny dmesg` and `proxeny balloon` against a machine's socket in this process.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  BalloonControl,
  balloonMethods,
  ControlServer,
  logMethods,
  MessageLog,
  type StoreClient,
  StoreService,
  storeMethods,
} from '@proxeny/machine';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runCommandLine } from '../command-line.js';

let folder: string;
let server: ControlServer | null;
let store: StoreClient;
let log: MessageLog;
let balloon: BalloonControl;
/** Nobody looks at it. */
const memory = { byteLength: 8 << 20, view: () => null, written: () => {} };
let out: string;
let errors: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pxs-'));
  vi.stubEnv('PROXENY_RUNTIME_DIR', folder);
  store = new StoreService().client();
  store.write('/vm/name', 'one');
  store.write('/vm/odd', Uint8Array.of(10, 92, 0, 255, 65));
  log = new MessageLog();
  balloon = new BalloonControl({}, memory, () => {});
  const methods = { ...storeMethods(store), ...logMethods(log), ...balloonMethods(balloon) };
  server = await ControlServer.listen({ folder, name: 'one', methods: () => methods });
  out = '';
  errors = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((bytes) => {
    out += typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('latin1');
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    errors += String(text);
    return true;
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await server?.close();
  await rm(folder, { recursive: true, force: true });
});

const proxeny = (...args: string[]) => runCommandLine(args);

describe('proxeny xs', () => {
  it('ls lists a tree as xenstore-ls does', async () => {
    expect(await proxeny('xs', 'ls')).toBe(0);
    expect(out).toBe(
      'tool = ""\n xenstored = ""\nvm = ""\n name = "one"\n odd = "\\n\\\\\\000\\377A"\n',
    );
    out = '';
    expect(await proxeny('xs', 'ls', '-f', '-p', '/vm')).toBe(0);
    expect(out).toMatch(/^\/vm\/name = "one" {3}\(n0\)\n/);
  });

  it('read prints values, write sets them', async () => {
    expect(await proxeny('xs', 'write', '/vm/a', 'x y', '/vm/b', 'ü')).toBe(0);
    expect(store.read('/vm/b')).toBe('ü');
    expect(await proxeny('xs', 'read', '/vm/a', '/vm/name')).toBe(0);
    expect(out).toBe('x y\none\n');
    out = '';
    expect(await proxeny('xs', 'read', '--raw', '/vm/odd')).toBe(0);
    expect(out).toBe('\n\\\0\xffA');
  });

  it('watch prints changes until it has seen enough', async () => {
    const watch = proxeny('xs', 'watch', '-n', '3', '/vm', '--machine', 'one');
    await vi.waitFor(() => expect(out).toBe('/vm\n'));
    store.write('/vm/c', '1');
    await vi.waitFor(() => expect(out).toBe('/vm\n/vm/c\n'));
    store.remove('/vm');
    expect(await watch).toBe(0);
    expect(out).toBe('/vm\n/vm/c\n/vm\n');
  });

  it('says in one line what is wrong', async () => {
    expect(await proxeny('xs', 'read', '/nothing')).toBe(4);
    expect(await proxeny('xs', 'ls', '/nothing')).toBe(4);
    expect(await proxeny('xs', 'write', '/a')).toBe(2);
    expect(await proxeny('xs', 'write', 'a//b', 'x')).toBe(1);
    expect(await proxeny('xs', 'watch', '-n', '0', '/a')).toBe(2);
    expect(await proxeny('xs', 'ls', '--machine', 'two')).toBe(4);
    expect(await proxeny('xs', 'sl')).toBe(2);
    expect(errors.split('\n').slice(0, -1)).toEqual([
      "proxeny: there is no '/nothing' in the store",
      "proxeny: there is no '/nothing' in the store",
      "proxeny: '/a' has no value; write a value after each path",
      'proxeny: xenstore: write a//b: EINVAL',
      'proxeny: --count must be more than 0',
      "proxeny: no machine 'two' runs",
      expect.stringContaining("unknown command 'sl'"),
    ]);
  });

  it('says so when no machine runs, and fails when one ends meanwhile', async () => {
    const watch = proxeny('xs', 'watch', '/vm');
    await vi.waitFor(() => expect(out).toBe('/vm\n'));
    await server?.close();
    expect(await watch).toBe(1);
    expect(await proxeny('xs', 'ls')).toBe(4);
    expect(errors).toBe('proxeny: the machine has ended\nproxeny: no machine runs\n');
  });
});

describe('proxeny dmesg', () => {
  it("prints the hypervisor's messages, and clears them", async () => {
    log.say('hello');
    expect(await proxeny('dmesg', '-c')).toBe(0);
    expect(await proxeny('dmesg')).toBe(0);
    expect(out).toBe('(XEN) hello\n');
  });
});

describe('proxeny balloon', () => {
  it('says how much memory the guest has, and asks it to make do with less', async () => {
    expect(await proxeny('balloon', '5M')).toBe(0);
    expect(balloon.device.targetBytes).toBe(3 << 20);
    // A driver's own registers: it has taken a page.
    balloon.device.writeConfig(4, 4, 256);
    expect(await proxeny('balloon')).toBe(0);
    expect(out).toBe(
      'memory                8M\nwished for            5M\nactual                7M\nthe guest does not say more\n',
    );
    expect(await proxeny('balloon', '9M')).toBe(2);
    expect(errors).toContain("balloon '9M': the guest has 8M; ask for less");
  });
});
