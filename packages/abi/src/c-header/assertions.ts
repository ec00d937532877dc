// What a C compiler must agree with: the size of every record and the place of everything in it, and the value of every constant,
// as _Static_assert lines.
import type { PlacedField, WordSize } from '@proxeny/memory';
import { isByWord, type RecordType } from './header-text.js';

/** Lines that hold if C lays `type` out as {@link RecordType.of} does for `word`. */
export function layoutAssertions(type: RecordType, word: WordSize): string[] {
  const layout = type.of(word);
  const keyword = type.kind === 'union' ? 'union' : 'struct';
  const name = `${keyword} ${type.name}`;
  const lines = [`_Static_assert(sizeof(${name}) == ${layout.byteLength}, "sizeof ${name}");`];
  const visit = (path: string, field: PlacedField): void => {
    lines.push(
      `_Static_assert(__builtin_offsetof(${name}, ${path}) == ${field.offset}, "${type.name}.${path}");`,
    );
    if (field.kind === 'array') {
      const { element, length } = field;
      if (length > 0)
        lines.push(
          `_Static_assert(sizeof(((${name} *)0)->${path}) == ${field.byteLength}, "size of ${type.name}.${path}");`,
        );
      if (element.kind !== 'scalar' && length > 0) visit(`${path}[0]`, element as PlacedField);
    } else if (field.kind === 'struct') {
      for (const [own, inner] of Object.entries(field.fields)) visit(`${path}.${own}`, inner);
    } else {
      lines.push(
        `_Static_assert(sizeof(((${name} *)0)->${path}) == ${field.byteLength}, "size of ${type.name}.${path}");`,
      );
    }
  };
  for (const [own, field] of Object.entries(layout.fields)) visit(own, field as PlacedField);
  return lines;
}

/** A line that holds if C's constant `name` is `value`; none for what is no constant. */
export function constantAssertions(name: string, value: unknown, word: WordSize): string[] {
  const number = isByWord(value) ? value[word] : value;
  if (typeof number === 'string')
    return [`_Static_assert(sizeof(${name}) == ${number.length + 1}, "${name}");`];
  if (typeof number !== 'number') return [];
  // Compared modulo 2^64; a 32-bit guest's negative numbers may be unsigned words there.
  const bits = BigInt.asUintN(64, BigInt(number));
  const width = number < 0 && word === 32 ? 'unsigned int' : 'unsigned long long';
  const expected = BigInt.asUintN(number < 0 && word === 32 ? 32 : 64, bits);
  return [`_Static_assert((${width})(${name}) == 0x${expected.toString(16)}ULL, "${name}");`];
}
