// The intermediate representation: typed nodes in statement lists. A semantics function writes it once; the reference evaluator
// (ir/evaluate.ts) and the WebAssembly emitter (wasm/emit.ts) read it. Pure operations carry WebAssembly's own names.

export type Type = 'i32' | 'i64' | 'v128' | 'none';

/** Where a register operand's slot number comes from: known now, or a byte field of the decoded record. */
export type SlotRef = { readonly offset: number } | { readonly field: number };
/** A slot of the state page: an operand's, or a computed one. */
export type StateSlot = SlotRef | { readonly local: Local };

/** Bits of a value in the state page or in memory. */
export type Bits = 8 | 16 | 32 | 64 | 128;

/** A memory access: bits, and the segment (0 ES … 5 GS) that decides between #GP and #SS; a record field, when not known now. */
export interface Access {
  readonly bits: Bits;
  readonly segment: SlotRef;
}

interface Common {
  readonly type: Type;
  /** How many nodes use this one; counted by the builder. */
  uses: number;
}

export type Node = Common &
  (
    | { readonly op: 'const'; readonly value: bigint }
    /** Zero-extended (u8, u16, i32) or sign-extended (s32: to i64; i64) field of the decoded record. */
    | {
        readonly op: 'field';
        readonly at: number;
        readonly kind: 'u8' | 'u16' | 'i32' | 's32' | 'i64';
      }
    /** Value of the state page at base + slot; 8 and 16 bits zero-extended to i32. */
    | { readonly op: 'get'; readonly base: number; readonly slot: StateSlot; readonly bits: Bits }
    | {
        readonly op: 'set';
        readonly base: number;
        readonly slot: StateSlot;
        readonly bits: Bits;
        readonly args: readonly [Node];
      }
    /**
     * Pure operation by its WebAssembly name, e.g. `i32.add`, `i8x16.add_sat_u`, `i8x16.shuffle` (lanes in `lanes`). Those of f32 and f64
     * take and give the numbers' bits (i32, i64). Of our own: `f64.no_denormal`, `f32.no_denormal` (i32 0 or 1).
     */
    | {
        readonly op: 'pure';
        readonly name: string;
        readonly args: readonly Node[];
        readonly lanes: readonly number[];
      }
    /** Memory at a linear address (i64). `update` checks for writing, and its store cannot fault any more. */
    | {
        readonly op: 'load';
        readonly access: Access;
        readonly update: boolean;
        readonly args: readonly [Node];
      }
    | {
        readonly op: 'store';
        readonly access: Access;
        readonly args: readonly [Node, Node];
        readonly load: Node | null;
      }
    /**
     * Moves args[2] bytes (i32, below 8 KiB) from linear address args[1] to args[0], or fills them at args[0] with the byte args[1],
     * if that is one step within pages the TLB has; i32 1 if so, else 0 and nothing happened. 0 is always a right answer.
     */
    | { readonly op: 'copy'; readonly args: readonly [Node, Node, Node] }
    | { readonly op: 'fill'; readonly args: readonly [Node, Node, Node] }
    /** Segment check: linear address of an effective address (i64), raising #GP or #SS beyond the limits. */
    | {
        readonly op: 'segment';
        readonly access: Access;
        readonly write: boolean;
        readonly args: readonly [Node];
      }
    | { readonly op: 'local'; readonly local: Local }
    | { readonly op: 'assign'; readonly local: Local; readonly args: readonly [Node] }
    | {
        readonly op: 'if';
        readonly args: readonly [Node];
        readonly body: Node[];
        readonly otherwise: Node[];
      }
    /**
     * What code behind the instruction may rely on, with effects of its own only in the hot tier: a region leaves behind the instruction
     * where the condition does not hold. The way through the program that does not come here knows that it does.
     */
    | { readonly op: 'expect'; readonly args: readonly [Node] }
    /** Runs its body until a `leave` inside it. */
    | { readonly op: 'loop'; readonly body: Node[] }
    | { readonly op: 'leave' }
    /** Raises a fault at this instruction; args: error code (i32), or none. */
    | { readonly op: 'raise'; readonly vector: number; readonly args: readonly Node[] }
    /** Calls a routine with i32 arguments; a negative result is a recorded fault. */
    | { readonly op: 'call'; readonly routine: string; readonly args: readonly Node[] }
    /** Calls a routine that sets rIP itself (preset to the next instruction) and ends the block. */
    | { readonly op: 'transfer'; readonly routine: string; readonly args: readonly Node[] }
    /** Symbolic flags, for tiers that keep them in locals (ir/flags.ts): what set them, with its operands. */
    | {
        readonly op: 'flags';
        readonly kind: FlagsKind;
        readonly bits: Bits;
        readonly args: readonly Node[];
      }
    /** Symbolic: a condition code 0–15, or one flag, of the flags last set (i32 0 or 1). */
    | { readonly op: 'condition'; readonly code: number }
    | { readonly op: 'flag'; readonly name: FlagName }
    /** Continues at args[0] (i64) if the condition args[1] (i32) holds or is absent, else behind the instruction. `direct`: the target is relative to the instruction. */
    | { readonly op: 'branch'; readonly direct: boolean; readonly args: readonly Node[] }
  );

export type FlagName = 'cf' | 'pf' | 'af' | 'zf' | 'sf' | 'of';

/**
 * What set the flags; args: result, then for add and sub (with or without carry) the operands, for inc and dec the old value
 * (CF kept), for explicit CF, OF and AF (i32 0 or 1); image: the state page's two words (i32). carry: CF alone, and rotate: CF and
 * the bit that makes OF = CF ^ it (i32 0 or 1); the others stay.
 */
export type FlagsKind =
  | 'add'
  | 'sub'
  | 'logic'
  | 'inc'
  | 'dec'
  | 'explicit'
  | 'image'
  | 'carry'
  | 'rotate';

/** A mutable local of one instruction. */
export interface Local {
  readonly type: Type;
  readonly index: number;
}
