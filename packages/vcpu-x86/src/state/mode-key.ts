// MODE_KEY: bits 0–1 code size, 2–3 stack size, 4 flat (together: the mode class), 5 user, 6 single step; above: the generation of the
// jump cache, by privilege.
export const MODE_CLASS_MASK = 0x1f;
export const MODE_CODE_SIZE = 3;
export const MODE_CODE_64 = 2;
export const MODE_USER = 0x20;
export const MODE_STEP = 0x40;
export const MODE_GENERATION = 0x100;
