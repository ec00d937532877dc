// Reads the text of Linux' console out of its picture, without knowing its font: the first row shows an alphabet, whose glyphs are looked
// for in all rows.
import { decodePng, type PngPicture } from './png-picture.js';

/** What the first row must show. */
export const ALPHABET = 'abcdefghijklmnopqrstuvwxyz .,:0123456789';
const [CELL_WIDTH, CELL_HEIGHT] = [8, 16];

/** The rows of a PNG image, without spaces at their ends; other characters are question marks. @throws Error without an alphabet */
export function consoleRows(file: Uint8Array): string[] {
  const picture = decodePng(file);
  const columns = Math.floor(picture.width / CELL_WIDTH);
  const rows = Math.floor(picture.height / CELL_HEIGHT);
  const letters = new Map(
    [...ALPHABET].map((letter, column) => [glyph(picture, column, 0), letter] as const),
  );
  if (letters.size !== ALPHABET.length)
    throw new Error(`the first row has ${letters.size} different characters at its beginning`);
  return Array.from({ length: rows }, (_, row) => {
    const cells = Array.from({ length: columns }, (_, column) => glyph(picture, column, row));
    return cells
      .map((cell) => letters.get(cell) ?? '?')
      .join('')
      .trimEnd();
  });
}

/** Which pixels of a character's cell are the glyph's: those unlike the upper right one, which no glyph has. */
function glyph(picture: PngPicture, column: number, row: number): string {
  const [left, top] = [column * CELL_WIDTH, row * CELL_HEIGHT];
  const paper = String(picture.pixel(left + CELL_WIDTH - 1, top));
  let bits = '';
  for (let y = 0; y < CELL_HEIGHT; y++)
    for (let x = 0; x < CELL_WIDTH; x++)
      bits += String(picture.pixel(left + x, top + y)) === paper ? '.' : '#';
  return bits;
}
