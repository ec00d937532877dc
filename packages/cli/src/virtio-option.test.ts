import { expect, it } from 'vitest';
import { virtioOption } from './virtio-option.js';

it('virtio devices are where they shall be, with the rings that they shall have', () => {
  expect(virtioOption(undefined)).toEqual({});
  expect(virtioOption('mmio')).toEqual({ virtioTransport: 'mmio', hasPackedRings: true });
  expect(virtioOption('pci,packed=off')).toEqual({
    virtioTransport: 'pci',
    hasPackedRings: false,
  });
});

it.each([
  ['usb', /'usb' is no transport; use pci or mmio/],
  ['pci,split', /'split' is not known; use packed=on or packed=off/],
  ['pci,packed=off,x', /'x' is not known/],
])('%j is refused', (text, message) => {
  expect(() => virtioOption(text)).toThrow(message);
});
