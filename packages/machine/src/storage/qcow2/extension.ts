// Header extensions: records of type, length and data, padded to 8 bytes, between the header and the name of the backing file. Unknown
// ones are left as they are.
import { BlockError } from '../block-backend.js';
import type { ByteFile } from '../byte-file.js';
import { extensionType } from './layout.js';

export interface Extension {
  readonly type: number;
  readonly data: Uint8Array;
}

const NAME_BYTES = 48;
const KIND_INCOMPATIBLE = 0;

/** What the features that no image needs to name are called. */
const builtInNames = ['dirty bit', 'corrupt bit', 'external data file', 'compression type'].concat(
  'extended L2 entries',
);

/**
 * The extensions in an image's first cluster.
 * @param start where the header ends
 * @throws BlockError `bad-image` for one that goes beyond the cluster
 */
export function readExtensions(cluster: Uint8Array, start: number, file: ByteFile): Extension[] {
  const view = new DataView(cluster.buffer, cluster.byteOffset, cluster.byteLength);
  const found: Extension[] = [];
  for (let at = start; at + 8 <= cluster.byteLength; ) {
    const type = view.getUint32(at);
    const byteLength = view.getUint32(at + 4);
    if (type === extensionType.end) break;
    if (byteLength > cluster.byteLength - at - 8)
      throw new BlockError('bad-image', `${file.name}: a qcow2 header extension is too long`);
    found.push({ type, data: cluster.subarray(at + 8, at + 8 + byteLength) });
    at += 8 + Math.ceil(byteLength / 8) * 8;
  }
  return found;
}

/** Extensions as they are stored, with their end mark. */
export function encodeExtensions(extensions: readonly Extension[]): Uint8Array {
  const paddedBytes = ({ data }: Extension): number => 8 + Math.ceil(data.byteLength / 8) * 8;
  const bytes = new Uint8Array(extensions.reduce((sum, each) => sum + paddedBytes(each), 8));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const extension of extensions) {
    view.setUint32(at, extension.type);
    view.setUint32(at + 4, extension.data.byteLength);
    bytes.set(extension.data, at + 8);
    at += paddedBytes(extension);
  }
  return bytes;
}

/** The names of incompatible features: the image's own, else ours, else the bit. */
export function featureNames(extensions: readonly Extension[], bits: bigint): string[] {
  const table = extensions.find(({ type }) => type === extensionType.featureNames)?.data;
  const names: string[] = [];
  for (let bit = 0; bit < 64; bit++) {
    if ((bits & (1n << BigInt(bit))) === 0n) continue;
    names.push(nameIn(table, bit) ?? builtInNames[bit] ?? `bit ${bit}`);
  }
  return names;
}

function nameIn(table: Uint8Array | undefined, bit: number): string | undefined {
  if (!table) return undefined;
  for (let at = 0; at + NAME_BYTES <= table.byteLength; at += NAME_BYTES) {
    if (table[at] !== KIND_INCOMPATIBLE || table[at + 1] !== bit) continue;
    const name = new TextDecoder().decode(table.subarray(at + 2, at + NAME_BYTES));
    return name.replace(/\p{Cc}.*/su, '') || undefined;
  }
  return undefined;
}

/** The table of feature names that new images get, so that others can name what they do not know. */
export function featureNameTable(): Extension {
  const rows = [
    [0, 0, 'dirty bit'],
    [0, 1, 'corrupt bit'],
    [0, 3, 'compression type'],
    [1, 0, 'lazy refcounts'],
  ] as const;
  const data = new Uint8Array(rows.length * NAME_BYTES);
  for (const [i, [kind, bit, name]] of rows.entries()) {
    data[i * NAME_BYTES] = kind;
    data[i * NAME_BYTES + 1] = bit;
    data.set(new TextEncoder().encode(name), i * NAME_BYTES + 2);
  }
  return { type: extensionType.featureNames, data };
}
