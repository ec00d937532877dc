// Records of the ABI as plain values, for traces: every member by its C name. Numbers beyond 2^53 become hexadecimal text, as do pointers
// and addresses that would be negative.
import type { PlacedField, ScalarField, StructField } from '@proxeny/memory';

export type Value = number | string | readonly Value[] | { readonly [name: string]: Value };

const TWO_32 = 4294967296;
/** Elements of an array member that are shown. */
const MAX_ELEMENTS = 16;

/** An unsigned number from its halves. */
export function numberOf(low: number, high: number): number | string {
  if (high < 0x20_0000) return high * TWO_32 + low;
  return `0x${((BigInt(high) << 32n) | BigInt(low)).toString(16)}`;
}

function scalarOf(field: ScalarField, view: DataView, base: number): number | string {
  return field.byteLength === 8 && !field.isSigned
    ? numberOf(field.getLow(view, base), field.getHigh(view, base))
    : field.get(view, base);
}

/**
 * The values of a record, or a part of one, at `base`.
 * @param after the record as the call has left it, which OUT members are taken from; null: they are left out
 */
export function valuesOf(
  field: PlacedField,
  view: DataView,
  base: number,
  after: DataView | null,
): Value {
  switch (field.kind) {
    case 'scalar':
      return scalarOf(field, view, base);
    case 'array':
      return Array.from({ length: Math.min(field.length, MAX_ELEMENTS) }, (_, i) =>
        valuesOf(field.element as PlacedField, view, base + i * field.stride, after),
      );
    case 'struct':
      return Object.fromEntries(
        Object.entries((field as StructField).fields).flatMap(([name, each]) => {
          const member = each as PlacedField;
          const source = member.direction === 'out' ? after : view;
          return source ? [[name, valuesOf(member, source, base, after)]] : [];
        }),
      );
  }
}
