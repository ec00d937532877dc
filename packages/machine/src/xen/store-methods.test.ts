// What a running machine answers about its store.
import { describe, expect, it } from 'vitest';
import { StoreService } from './store/store-service.js';
import { storeMethods } from './store-methods.js';

const service = new StoreService();
const client = service.client();
const methods = storeMethods(client);
const call = (name: string, params: unknown) =>
  methods[name]?.(params, { send: () => {}, closed: Promise.resolve() });

describe('the store from outside', () => {
  it('reads and writes bytes', () => {
    call('xs.write', { path: '/a/b', value: '\0\xff' });
    expect([...(client.readBytes('/a/b') ?? [])]).toEqual([0, 255]);
    expect(call('xs.read', { path: '/a/b' })).toBe('\0\xff');
    expect(call('xs.read', { path: '/nothing' })).toBeNull();
    expect(() => call('xs.write', { path: '/a', value: '€' })).toThrow("'value' must be bytes");
    expect(() => call('xs.read', { path: 'a//b' })).toThrow('EINVAL');
    expect(() => call('xs.read', null)).toThrow("'path' must be a string");
  });

  it('lists a tree with values and permissions', () => {
    expect(call('xs.tree', { path: '/a' })).toEqual([
      { path: '/a', value: '', permissions: ['n0'] },
      { path: '/a/b', value: '\0\xff', permissions: ['n0'] },
    ]);
    expect(call('xs.tree', { path: '/nothing' })).toBeNull();
  });

  it('tells of changes until the caller goes', async () => {
    const heard: unknown[] = [];
    let leave = (): void => {};
    const closed = new Promise<void>((resolve) => {
      leave = resolve;
    });
    const watch = methods['xs.watch']?.(
      { path: '/w' },
      { send: (path) => heard.push(path), closed },
    );
    client.write('/w/x', '1');
    leave();
    await watch;
    client.write('/w/y', '1');
    expect(heard).toEqual(['/w', '/w/x']);
  });
});
