// `--virtio TRANSPORT[,packed=off]`: where a PC's virtio devices are, and which kinds of rings they offer.
import type { PcConfig } from '@proxeny/machine/pc';
import { usageError } from './command-error.js';

/** @throws CommandError */
export function virtioOption(
  text: string | undefined,
): Pick<PcConfig, 'virtioTransport' | 'hasPackedRings'> {
  if (text === undefined) return {};
  const [virtioTransport = '', packed = 'packed=on', ...more] = text.split(',');
  if (virtioTransport !== 'pci' && virtioTransport !== 'mmio')
    throw usageError(`--virtio: '${virtioTransport}' is no transport; use pci or mmio`);
  const wrong = more[0] ?? (/^packed=(on|off)$/.test(packed) ? undefined : packed);
  if (wrong !== undefined)
    throw usageError(`--virtio: '${wrong}' is not known; use packed=on or packed=off`);
  return { virtioTransport, hasPackedRings: packed === 'packed=on' };
}
