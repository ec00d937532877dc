// AML encoder: the few ACPI Machine Language terms the DSDT needs (ACPI 6.4 §20.2), each a function that returns bytes.
// Terms are plain byte arrays and nest by being arguments of each other. Wrong names are host mistakes and throw.

/** Encoded AML. */
export type Aml = readonly number[];

/** Joins terms in order. */
export function terms(...parts: readonly Aml[]): Aml {
  return parts.flat();
}

/** A name path such as `\\_SB.PCI0` or `^COM1`; segments shorter than four characters are padded with `_`. */
export function path(text: string): Aml {
  const match = /^(\\|\^*)([A-Z0-9_.]*)$/.exec(text);
  if (match === null) throw new RangeError(`"${text}" is not an ACPI name path`);
  const prefix = Array.from(match[1], (c) => c.charCodeAt(0));
  const segments = match[2] === '' ? [] : match[2].split('.');
  const bytes = segments.flatMap((segment) => {
    if (!/^[A-Z_][A-Z0-9_]{0,3}$/.test(segment)) {
      throw new RangeError(`"${segment}" in "${text}" is not an ACPI name segment`);
    }
    return Array.from(segment.padEnd(4, '_'), (c) => c.charCodeAt(0));
  });
  if (segments.length === 0) return [...prefix, 0x00];
  if (segments.length === 1) return [...prefix, ...bytes];
  if (segments.length === 2) return [...prefix, 0x2e, ...bytes];
  return [...prefix, 0x2f, segments.length, ...bytes];
}

/** An unsigned integer constant in its shortest form. */
export function integer(value: number): Aml {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new RangeError(`${value} is not an AML integer`);
  if (value === 0) return [0x00];
  if (value === 1) return [0x01];
  if (value < 0x100) return [0x0a, value];
  if (value < 0x10000) return [0x0b, ...littleEndian(value, 2)];
  if (value < 0x100000000) return [0x0c, ...littleEndian(value, 4)];
  return [0x0e, ...littleEndian(value, 8)];
}

/** An ASCII string constant. */
export function string(text: string): Aml {
  return [0x0d, ...Array.from(text, (c) => c.charCodeAt(0) & 0x7f), 0x00];
}

/** A compressed EISA id such as `PNP0A03` (ACPI §19.6.36), as an integer constant. */
export function eisaId(id: string): Aml {
  if (!/^[A-Z]{3}[0-9A-F]{4}$/.test(id)) throw new RangeError(`"${id}" is not an EISA id`);
  const letter = (i: number): number => id.charCodeAt(i) - 0x40;
  const vendor = (letter(0) << 10) | (letter(1) << 5) | letter(2);
  const product = Number.parseInt(id.slice(3), 16);
  return [0x0c, vendor >> 8, vendor & 0xff, product >> 8, product & 0xff];
}

/** A package of at most 255 elements. */
export function pkg(...elements: readonly Aml[]): Aml {
  if (elements.length > 255)
    throw new RangeError('a package holds at most 255 elements; use a VarPackage');
  return [0x12, ...withLength([elements.length, ...elements.flat()])];
}

export function buffer(bytes: readonly number[]): Aml {
  return [0x11, ...withLength([...integer(bytes.length), ...bytes])];
}

/** `Name (path, value)`. */
export function name(at: string, value: Aml): Aml {
  return [0x08, ...path(at), ...value];
}

export function scope(at: string, ...body: readonly Aml[]): Aml {
  return [0x10, ...withLength([...path(at), ...body.flat()])];
}

export function device(at: string, ...body: readonly Aml[]): Aml {
  return [0x5b, 0x82, ...withLength([...path(at), ...body.flat()])];
}

/** `value` as `size` bytes, lowest first. */
export function littleEndian(value: number, size: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (let i = 0; i < size; i++) {
    bytes.push(rest % 256);
    rest = Math.floor(rest / 256);
  }
  return bytes;
}

/** PkgLength (ACPI §20.2.4) counts itself: 1 byte up to 63, else 2-4 bytes with the low nibble in the first. */
function withLength(body: readonly number[]): number[] {
  if (body.length + 1 < 0x40) return [body.length + 1, ...body];
  const extra = body.length + 2 < 0x1000 ? 1 : body.length + 3 < 0x100000 ? 2 : 3;
  const total = body.length + 1 + extra;
  const head = [(extra << 6) | (total & 0xf)];
  for (let i = 0; i < extra; i++) head.push((total >> (4 + 8 * i)) & 0xff);
  return [...head, ...body];
}
