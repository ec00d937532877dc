// Extent: neighbouring clusters of a disk, all of one kind, and where their bytes are.
import type { L2Table } from './l2-cache.js';
import type { ClusterKind } from './table-entry.js';

export interface Extent {
  readonly kind: ClusterKind;
  /** Where the bytes are stored; of a compressed cluster where those of the whole cluster are. */
  readonly offset: number;
  readonly byteLength: number;
  /** Data that belongs to the disk alone and may be written in place. */
  readonly isInPlace: boolean;
}

/**
 * The extent at byte `within` of what a table maps.
 * @param table null: nothing of it is allocated
 * @param most the most bytes that are of interest, not beyond what the table maps
 */
export function extentAt(
  table: L2Table | null,
  within: number,
  most: number,
  clusterBytes: number,
): Extent {
  if (!table) return { kind: 'unallocated', offset: 0, byteLength: most, isInPlace: false };
  const first = Math.floor(within / clusterBytes);
  const inCluster = within % clusterBytes;
  const kind = table.kind(first);
  const isInPlace = kind === 'data' && table.isCopied(first);
  let count = 1;
  const wanted = kind === 'compressed' ? 1 : Math.ceil((inCluster + most) / clusterBytes);
  while (count < wanted && continues(table, first, count, clusterBytes, kind, isInPlace)) count++;
  const byteLength = Math.min(most, count * clusterBytes - inCluster);
  const offset = kind === 'data' ? table.offset(first) + inCluster : 0;
  return { kind, offset, byteLength, isInPlace };
}

function continues(
  table: L2Table,
  first: number,
  count: number,
  clusterBytes: number,
  kind: ClusterKind,
  isInPlace: boolean,
): boolean {
  const index = first + count;
  if (table.kind(index) !== kind) return false;
  if (kind !== 'data') return true;
  return (
    table.offset(index) === table.offset(first) + count * clusterBytes &&
    table.isCopied(index) === isInPlace
  );
}
