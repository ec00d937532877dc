// What is put away as one module: small ones are merged, since the next process pays for each that it loads, whatever is in it.
import { mergeModules, type RegionCode } from '@proxeny/vcpu-x86';
import { type FiledModule, hashOf } from './region-file.js';

/** Modules are merged up to so many bytes: each is loaded, and goes, as a whole. */
const PARCEL_BYTES = 64 << 10;

export interface Parcel {
  readonly module: FiledModule;
  /** Its bytes, if it was merged; null: they are those of `source`. */
  readonly merged: Uint8Array | null;
  readonly source: FiledModule;
}

/**
 * Merges what can be, in the order given; offsets follow one another.
 * @param bytesOf a module's bytes; null: it cannot be read any more, and is left out
 */
export function parcelsOf(
  modules: readonly FiledModule[],
  bytesOf: (module: FiledModule) => Uint8Array | null,
): Parcel[] {
  const parcels: Parcel[] = [];
  let offset = 0;
  const put = (parcel: Parcel): void => {
    parcels.push({ ...parcel, module: { ...parcel.module, offset } });
    offset += parcel.module.byteLength;
  };
  for (const group of groupsOf(modules)) {
    const parts = group.flatMap((source) => {
      const bytes = bytesOf(source);
      return bytes ? [{ source, bytes }] : [];
    });
    const whole = parts.length > 1 ? merged(parts) : null;
    if (whole) put(whole);
    else for (const { source } of parts) put({ module: source, merged: null, source });
  }
  return parcels;
}

/** Neighbours of one environment, as many as a parcel holds. */
function groupsOf(modules: readonly FiledModule[]): FiledModule[][] {
  const groups: FiledModule[][] = [];
  let bytes = 0;
  for (const module of modules) {
    const group = groups.at(-1);
    bytes += module.byteLength;
    if (group?.[0]?.environment === module.environment && bytes <= PARCEL_BYTES) group.push(module);
    else {
      groups.push([module]);
      bytes = module.byteLength;
    }
  }
  return groups;
}

interface Part {
  readonly source: FiledModule;
  readonly bytes: Uint8Array;
}

/** Null: they are nothing that can be merged. */
function merged(parts: readonly Part[]): Parcel | null {
  try {
    const { bytes, names } = mergeModules(parts.map((p) => p.bytes));
    const codes = new Map<string, RegionCode>();
    let count = 0;
    for (const [i, { source }] of parts.entries()) {
      for (const name of names[i] ?? []) {
        const code = source.codes.get(name);
        if (code) codes.set(String(count), code);
        count++;
      }
    }
    const { source } = parts[0] as Part;
    const usedMs = Math.max(...parts.map((p) => p.source.usedMs));
    const hash = hashOf(bytes);
    return {
      module: { ...source, byteLength: bytes.length, hash, usedMs, codes },
      merged: bytes,
      source,
    };
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}
