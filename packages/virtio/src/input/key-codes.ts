// Keys by the names on an American keyboard, as Linux numbers them (include/uapi/linux/input-event-codes.h, KEY_*).

/** Rows of keys whose numbers follow one another, with the first one's. */
const rows: readonly (readonly [number, string])[] = [
  [1, 'esc 1 2 3 4 5 6 7 8 9 0 - = backspace tab q w e r t y u i o p [ ] enter leftctrl'],
  [30, "a s d f g h j k l ; ' ` leftshift \\ z x c v b n m , . / rightshift kp* leftalt space"],
  [58, 'capslock f1 f2 f3 f4 f5 f6 f7 f8 f9 f10 numlock scrolllock'],
  [71, 'kp7 kp8 kp9 kp- kp4 kp5 kp6 kp+ kp1 kp2 kp3 kp0 kp.'],
  [87, 'f11 f12'],
  [96, 'kpenter rightctrl kp/ sysrq rightalt linefeed home up pageup left right end down pagedown'],
  [110, 'insert delete'],
  [119, 'pause'],
  [125, 'leftmeta rightmeta menu'],
];

/** The number of each key, by its name. */
export const keyCodes: ReadonlyMap<string, number> = new Map(
  rows.flatMap(([first, names]) => names.split(' ').map((name, i) => [name, first + i] as const)),
);
