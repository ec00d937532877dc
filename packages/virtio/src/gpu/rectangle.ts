// Rectangle: a part of a picture, in pixels.
export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Whether it has pixels, all of them in a picture of this size. */
export function isWithin(part: Rectangle, width: number, height: number): boolean {
  const { x, y } = part;
  return part.width > 0 && part.height > 0 && x + part.width <= width && y + part.height <= height;
}

/** What two rectangles have in common; its width or height is not positive if that is nothing. */
export function intersection(one: Rectangle, other: Rectangle): Rectangle {
  const x = Math.max(one.x, other.x);
  const y = Math.max(one.y, other.y);
  const width = Math.min(one.x + one.width, other.x + other.width) - x;
  const height = Math.min(one.y + one.height, other.y + other.height) - y;
  return { x, y, width, height };
}
