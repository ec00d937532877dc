// Asking a running machine over its socket: calls and their results, several machines, stale sockets, callers that misbehave.
import { chmod, mkdtemp, readdir, rm, stat, symlink } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ControlError, type ControlMethods, stringParam } from '../control-method.js';
import { ControlClient } from './control-client.js';
import { controlFolder, machineNames, openControlFolder } from './control-folder.js';
import { ControlServer } from './control-server.js';

let folder: string;
const servers: ControlServer[] = [];
let watchers = 0;

const methods: ControlMethods = {
  echo: (params) => params,
  nothing: () => {},
  fail: () => {
    throw new ControlError('ENOENT', 'not there');
  },
  text: (params) => stringParam(params, 'text'),
  count: async (_, stream) => {
    for (let i = 0; i < 3; i++) stream.send(i);
    watchers++;
    await stream.closed;
    watchers--;
  },
};

async function start(name: string): Promise<ControlServer> {
  const server = await ControlServer.listen({ folder, name, methods: () => methods });
  servers.push(server);
  return server;
}

/** A socket file that nobody listens at. */
async function makeStale(name: string): Promise<void> {
  const server = createServer().listen(join(folder, 'x'));
  await new Promise((resolve) => server.once('listening', resolve));
  const { link } = await import('node:fs/promises');
  await link(join(folder, 'x'), join(folder, `${name}.sock`));
  await new Promise((resolve) => server.close(resolve));
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !condition(); i++)
    await new Promise((resolve) => setTimeout(resolve, 10));
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pxc-'));
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
  await rm(folder, { recursive: true, force: true });
});

describe('a call', () => {
  it('returns its result, or the error that the method threw', async () => {
    await start('one');
    const client = await ControlClient.connect(folder, 'one');
    expect(await client.call('echo', { a: [1, 'ü'] })).toEqual({ a: [1, 'ü'] });
    expect(await client.call('nothing', {})).toBeNull();
    await expect(client.call('fail', {})).rejects.toMatchObject({
      code: 'ENOENT',
      message: 'not there',
    });
    await expect(client.call('text', { text: 5 })).rejects.toMatchObject({ code: 'bad-params' });
    await expect(client.call('toString', {})).rejects.toMatchObject({ code: 'no-method' });
    client.close();
  });

  it('may send values first, until the caller has enough or goes away', async () => {
    await start('one');
    for (const leave of ['abort', 'close']) {
      const client = await ControlClient.connect(folder);
      const values: unknown[] = [];
      const enough = new AbortController();
      const call = client.call('count', {}, (value) => values.push(value), enough.signal);
      await until(() => values.length === 3);
      expect(values).toEqual([0, 1, 2]);
      expect(watchers).toBe(1);
      if (leave === 'abort') {
        enough.abort();
        expect(await call).toBeNull();
      } else {
        client.close();
        await expect(call).rejects.toMatchObject({ code: 'gone' });
      }
      await until(() => watchers === 0);
      expect(watchers).toBe(0);
      client.close();
    }
  });

  it('ends when the machine does', async () => {
    const server = await start('one');
    const client = await ControlClient.connect(folder);
    const call = client.call('count', {});
    await until(() => watchers === 1);
    await server.close();
    await expect(call).rejects.toMatchObject({ code: 'gone' });
    await expect(ControlClient.connect(folder)).rejects.toMatchObject({ code: 'not-found' });
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('a caller that sends nonsense', () => {
  it.each(['no json\n', '\n', '{"id":1,"id', 'null\n[]\n5\n{"id":{},"method":null}\n'])(
    'as %j harms only itself',
    async (nonsense) => {
      await start('one');
      const socket = connect(join(folder, 'one.sock'));
      socket.on('error', () => {});
      socket.end(nonsense);
      await new Promise((resolve) => socket.resume().once('close', resolve));
      const client = await ControlClient.connect(folder);
      expect(await client.call('echo', 1)).toBe(1);
      client.close();
    },
  );
});

describe('names', () => {
  it('tell machines apart; without one, the only machine is meant', async () => {
    await start('one');
    await start('two');
    expect(await machineNames(folder)).toEqual(['one', 'two']);
    await expect(ControlClient.connect(folder)).rejects.toMatchObject({ code: 'ambiguous' });
    await expect(ControlClient.connect(folder, 'three')).rejects.toMatchObject({
      code: 'not-found',
    });
    const client = await ControlClient.connect(folder, 'two');
    expect(await client.call('echo', 2)).toBe(2);
    client.close();
  });

  it('cannot be taken from a machine that runs', async () => {
    await start('one');
    await expect(start('one')).rejects.toMatchObject({ code: 'name-in-use' });
    expect(await readdir(folder)).toEqual(['one.sock']);
  });

  it('of a machine that died are free again', async () => {
    await makeStale('one');
    await expect(ControlClient.connect(folder)).rejects.toMatchObject({ code: 'not-found' });
    await start('one');
    const client = await ControlClient.connect(folder);
    expect(await client.call('echo', 3)).toBe(3);
    client.close();
    expect(await readdir(folder)).toEqual(['one.sock']);
  });

  it('are given to one only of several that start at once', async () => {
    await makeStale('one');
    const results = await Promise.allSettled(Array.from({ length: 5 }, () => start('one')));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const client = await ControlClient.connect(folder);
    expect(await client.call('echo', 4)).toBe(4);
    client.close();
  });

  it.each(['', '../x', '.hidden', 'a b', 'x'.repeat(65)])('like %j are refused', async (name) => {
    await expect(start(name)).rejects.toMatchObject({ code: 'bad-name' });
  });
});

describe('the folder', () => {
  it('is the user’s own by default, and only the user may enter it', async () => {
    expect(controlFolder({ XDG_RUNTIME_DIR: '/run/user/7' })).toBe('/run/user/7/proxeny');
    expect(controlFolder({ PROXENY_RUNTIME_DIR: '/p', XDG_RUNTIME_DIR: '/r' })).toBe('/p');
    expect(controlFolder({})).toMatch(/proxeny-\d+$/);
    await chmod(folder, 0o777);
    await openControlFolder(folder);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
  });

  it('is refused if it is a link, or cannot be made', async () => {
    const other = join(folder, 'link');
    await symlink(folder, other);
    await expect(openControlFolder(other)).rejects.toMatchObject({ code: 'bad-folder' });
    await expect(openControlFolder('/proc/proxeny')).rejects.toMatchObject({ code: 'bad-folder' });
  });
});
