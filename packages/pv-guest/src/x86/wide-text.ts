// Routines of the small kernels are written once, as 32-bit code whose addresses are below 4 GiB. This makes 64-bit code of such a text.

const REGISTERS = ['rax', 'rcx', 'rdx', 'rbx', 'rbp', 'rsi', 'rdi'];
const pushAll = REGISTERS.map((name) => `push ${name}`).join('\n    ');
const popAll = REGISTERS.toReversed()
  .map((name) => `pop ${name}`)
  .join('\n    ');

/**
 * The same routines for 64-bit code: what 64-bit code cannot encode is replaced (PUSHAD, POPAD, 32-bit PUSH, POP and jumps to registers).
 * Writes to 32-bit registers clear their upper halves there, so addresses stay right.
 */
export function wideText(text: string): string {
  return text
    .replace(/\bpushad\b/g, pushAll)
    .replace(/\bpopad\b/g, popAll)
    .replace(/\b(push|pop|jmp|call) e([a-ds][xip])\b/g, '$1 r$2');
}
