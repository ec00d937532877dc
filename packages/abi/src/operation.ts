// Sub-operations of a hypercall as a table: what each is called and what its argument points to. Decoders and tracers read it.
import type { StructPair, StructType } from '@proxeny/memory';

/** A record that a hypercall's argument points to. */
export type ArgumentType = StructType | StructPair;

export interface Operation {
  readonly number: number;
  /** As in the headers: `EVTCHNOP_send`. */
  readonly name: string;
  /** What the argument points to, with IN and OUT marked; null if it is ignored or no record. */
  readonly argument: ArgumentType | null;
}

/** Operations by number; unused numbers are holes. */
export type Operations = readonly (Operation | undefined)[];

export function operations(
  ...rows: readonly (readonly [number, string, (ArgumentType | null)?])[]
): Operations {
  const table: (Operation | undefined)[] = [];
  for (const [number, name, argument = null] of rows) {
    if (table[number]) throw new Error(`${name} and ${table[number].name} are both ${number}`);
    while (table.length <= number) table.push(undefined);
    table[number] = { number, name, argument };
  }
  return table;
}
