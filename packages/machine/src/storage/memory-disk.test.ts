import { expect, it } from 'vitest';
import { blockBackendContract } from './block-backend.contract.js';
import { MemoryDisk } from './memory-disk.js';

blockBackendContract('a memory disk', async (contents, { isReadOnly }) => {
  return new MemoryDisk(contents, { isReadOnly });
});

it('a memory disk of a part of a sector cannot be made', () => {
  expect(() => new MemoryDisk(513)).toThrow(/multiple of 512/);
  expect(() => new MemoryDisk(-512)).toThrow(/multiple of 512/);
  expect(new MemoryDisk(1024).sectorCount).toBe(2);
});
