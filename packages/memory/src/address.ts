// Address brands and page arithmetic. A wrong mix of address kinds does not compile; the brands cost nothing at run time.
// All are plain numbers: physical addresses below 2^53, linear addresses as signed canonical values (exact in a double).

declare const brand: unique symbol;
type Brand<Name extends string> = { readonly [brand]: Name };

/** Guest-physical address, in bytes. */
export type Gpa = number & Brand<'Gpa'>;
/** Guest-linear (virtual) address, in bytes; canonical, sign-extended from bit 47 in long mode. */
export type Gva = number & Brand<'Gva'>;
/** Machine address: an offset into the machine's one WebAssembly memory, in bytes. */
export type Maddr = number & Brand<'Maddr'>;
/** Guest frame number: `Gpa` / 4096. */
export type Gfn = number & Brand<'Gfn'>;
/** Machine frame number: `Maddr` / 4096. */
export type Mfn = number & Brand<'Mfn'>;

export const PAGE_SHIFT = 12;
export const PAGE_SIZE = 4096;
/** The offset within a page. */
export const PAGE_MASK = 0xfff;
