import { expect, it } from 'vitest';
import { MemoryNode } from '../testing/memory-tree.js';
import { Listings } from './listings.js';

it('listings keep what a reader has begun to read, until others need too much', () => {
  const directory = new MemoryNode('directory');
  for (let i = 0; i < 30_000; i++) directory.children.set(`${i}`, new MemoryNode('file'));
  const listings = new Listings();
  const [first, second, third] = [{}, {}, {}];
  expect(listings.entries(first, directory, 0).length).toBe(30_002);
  listings.entries(second, directory, 0);
  directory.children.delete('7');
  expect(listings.entries(first, directory, 5).length).toBe(30_002);
  expect(listings.entries(third, directory, 0).length).toBe(30_001);
  // The first had to go.
  expect(listings.entries(second, directory, 5).length).toBe(30_002);
  expect(listings.entries(first, directory, 5).length).toBe(30_001);
  listings.clear();
  expect(listings.entries(second, directory, 5).length).toBe(30_001);
});
