// A Multiboot kernel of our own that runs small loops one after another, each a fixed amount of work, and tells on COM1 when one begins and
// ends: the same bytes for every emulator.
import { smallKernel } from '../../boot/run-command.js';

export interface Loop {
  readonly name: string;
  /** Turns, and what one turn is, as text for our assembler; ECX counts, ESI and EDI point at memory. */
  readonly turns: number;
  readonly turn: string;
  /** What the loop calls, behind it. */
  readonly callee?: string;
}

const DATA = 0x300000;

export const loops: readonly Loop[] = [
  { name: 'registers', turns: 120e6, turn: 'add eax, ecx\nxor ebx, eax\nlea edx, [eax+ebx]' },
  { name: 'load and store', turns: 80e6, turn: 'mov eax, [esi]\nadd eax, ecx\nmov [edi], eax' },
  { name: 'read-modify-write', turns: 40e6, turn: 'add dword [esi], 5' },
  { name: 'call and return', turns: 20e6, turn: 'call .callee', callee: 'inc eax\nret' },
  {
    ...{ name: 'indirect jump', turns: 30e6 },
    turn: 'mov eax, ecx\nand eax, 1\njmp [eax*4+.table]\n.table: dd .even, .odd\n.even: inc ebx\n.odd: inc edx',
  },
  { name: 'push and pop', turns: 40e6, turn: 'push eax\npush ebx\npop ebx\npop eax' },
  { name: 'multiply and divide', turns: 24e6, turn: 'mov eax, ecx\nmul ebx\nmov edx, 1\ndiv esi' },
  {
    name: 'flags',
    turns: 40e6,
    turn: 'add eax, ecx\nadc ebx, 0\nsetc dl\ncmp eax, ebx\nsbb edi, 0',
  },
  {
    ...{ name: 'move 4 KiB', turns: 200e3 },
    turn: `mov esi, ${DATA}\nmov edi, ${DATA + 0x10000}\nmov edx, ecx\nmov ecx, 1024\nrep movsd\nmov ecx, edx`,
  },
  { name: 'page crossing', turns: 4e6, turn: `mov eax, [${DATA + 0xffe}]` },
  { name: 'port write', turns: 400e3, turn: 'out 0x80, al' },
  {
    name: 'SSE integers',
    turns: 15e6,
    turn: 'paddd xmm0, xmm1\npxor xmm1, xmm0\npmullw xmm2, xmm0',
  },
  {
    name: 'SSE doubles',
    turns: 15e6,
    turn: 'addsd xmm0, xmm1\nmovsd xmm2, xmm0\nmulsd xmm2, xmm1',
  },
  { name: 'x87', turns: 8e6, turn: 'fadd st0, st1\nfmul st0, st1' },
];

const bytesOf = (text: string): string => `db ${[...Buffer.from(text), 0].join(', ')}`;

/** What is printed around a loop: `BEGIN name`, `END name`; at the end of all `DONE`. */
export function loopKernel(chosen: readonly Loop[]): Uint8Array {
  const parts = chosen.map(({ name, turns, turn, callee = '' }, i) =>
    [
      ...[`loop${i}:`, 'mov esi, .begin', 'call print'],
      ...['mov eax, 1', 'mov ebx, 3', 'mov edx, 0', `mov esi, ${DATA}`, `mov edi, ${DATA + 64}`],
      ...['pxor xmm0, xmm0', 'cvtsi2sd xmm1, eax', 'cvtsi2sd xmm2, ebx'],
      // A third: results are inexact, as those of most programs are.
      ...['divsd xmm1, xmm2', 'movsd xmm2, xmm1'],
      ...['fninit', 'fld1', 'fld1', `mov ecx, ${turns}`],
      // A loop begins where most compilers let it.
      ...['jmp .turn', 'align 16', '.turn:', turn, 'dec ecx', 'jnz .turn'],
      ...['mov esi, .end', 'call print', `jmp loop${i + 1}`],
      ...['.callee:', callee, `.begin: ${bytesOf(`BEGIN ${name}\n`)}`],
      `.end: ${bytesOf(`END ${name}\n`)}`,
    ].join('\n'),
  );
  return smallKernel(
    [
      // SSE is on, exceptions are masked.
      'mov eax, cr0\nand eax, 0xfffffffb\nor eax, 2\nmov cr0, eax\nmov eax, cr4\nor eax, 0x600\nmov cr4, eax',
      ...parts,
      `loop${chosen.length}:\nmov esi, .done\ncall print\n.stop: hlt\njmp .stop`,
      `.done: ${bytesOf('DONE\n')}`,
      'print: mov bl, [esi]\ntest bl, bl\njz .end\nmov dx, 0x3fd\n.wait: in al, dx\ntest al, 0x20\njz .wait',
      'mov dx, 0x3f8\nmov al, bl\nout dx, al\ninc esi\njmp print\n.end: ret',
    ].join('\n'),
  );
}
