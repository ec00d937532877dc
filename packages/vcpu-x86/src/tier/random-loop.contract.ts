// Programs for comparisons of the tiers: the same number gives the same program.

/** A small deterministic generator (mulberry32). */
function random(seed: number): (below: number) => number {
  let s = seed >>> 0;
  return (below) => {
    s = (s + 0x6d2b79f5) >>> 0;
    let t = Math.imul(s ^ (s >>> 15), s | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (((t ^ (t >>> 14)) >>> 0) % below) | 0;
  };
}
const conditions = [
  'o',
  'no',
  'b',
  'ae',
  'e',
  'ne',
  'be',
  'a',
  's',
  'ns',
  'p',
  'np',
  'l',
  'ge',
  'le',
  'g',
];
const bytes = ['al', 'bl', 'dl', 'ah', 'bh', 'dh', 'cl', 'ch'];

/** A random straight-line piece with forward jumps and calls; `label` makes its labels unique. */
function piece(r: (below: number) => number, bits: 32 | 64, label: number): string {
  const names =
    bits === 64
      ? ['rax', 'rbx', 'rdx', 'rsi', 'rdi', 'r8', 'r13']
      : ['eax', 'ebx', 'edx', 'esi', 'edi', 'ebp'];
  const narrow =
    bits === 64
      ? ['eax', 'ebx', 'edx', 'esi', 'edi', 'r8d', 'r13d']
      : ['ax', 'bx', 'dx', 'si', 'di', 'bp'];
  const pick = <T>(list: readonly T[]): T => list[r(list.length)];
  const place = (): string => `[0x${(0x5000 + r(0x1010)).toString(16)}]`;
  const alu = ['add', 'sub', 'adc', 'sbb', 'and', 'or', 'xor', 'cmp', 'test'];
  const size = (): string => pick(['byte', 'word', 'dword', ...(bits === 64 ? ['qword'] : [])]);
  const same = (): [string, string] => {
    const list = pick([names, narrow, bytes]);
    return [pick(list), pick(list)];
  };
  const [a, c] = same();
  switch (r(22)) {
    case 0:
    case 1:
    case 2:
      return `${pick(alu)} ${a}, ${c}`;
    case 3:
      return `${pick(alu)} ${a}, ${r(0x7f)}`;
    case 4:
      return `${pick(alu)} ${a}, ${place()}`;
    case 5:
      return `${pick(alu)} ${place()}, ${a}`;
    case 6:
      return `${pick(['inc', 'dec', 'neg', 'not'])} ${pick([a, `${size()} ${place()}`])}`;
    case 7:
      return `${pick(['shl', 'shr', 'sar', 'rol', 'ror', 'rcl', 'rcr'])} ${a}, ${r(34)}`;
    case 8:
      return `${pick(['shl', 'shr', 'sar'])} ${a}, cl`;
    case 9:
      return `imul ${pick(names)}, ${pick(names)}`;
    case 10:
      return `${pick(['movzx', 'movsx'])} ${pick(names)}, ${pick([`byte ${place()}`, `word ${place()}`, 'dl'])}`;
    case 11:
      return `set${pick(conditions)} ${pick(bytes)}`;
    case 12: {
      const list = pick([names, narrow]);
      return `cmov${pick(conditions)} ${pick(list)}, ${pick(list)}`;
    }
    case 13:
      return `lea ${pick(names)}, [${pick(names)}+${pick(names)}*4+${r(1000)}]`;
    case 14:
      return `push ${names[0]}\npush ${names[1]}\npop ${names[0]}\npop ${pick(names)}`;
    case 15:
      return `${pick(['bt', 'bts', 'btr'])} ${pick(names)}, ${r(32)}`;
    case 16:
      return `j${pick(conditions)} skip${label}\nxor ${pick(names)}, ${pick(names)}\nadd ${a}, ${c}\nskip${label}:`;
    case 17:
      return 'call sub';
    case 19:
    case 20: {
      const [si, di, cx] = bits === 64 ? ['rsi', 'rdi', 'rcx'] : ['esi', 'edi', 'ecx'];
      const address = (): string => `0x${(0x5000 + r(0x1010)).toString(16)}`;
      const move = `${r(3) === 0 ? 'movs' : 'stos'}${pick(['b', 'w', 'd'])}`;
      return `${pick(['cld', 'cld', 'std'])}
mov ${si}, ${address()}
mov ${di}, ${address()}
mov ${cx}, ${pick([0, 1, 3, 9, 40, 300])}
rep ${move}
cld`;
    }
    case 18:
      return `xchg ${pick([a, place()])}, ${c}`;
    default:
      return `mov ${pick([a, place()])}, ${c}`;
  }
}

/** Sixty rounds of random integer code, then HLT. */
export function randomLoop(seed: number, bits: 32 | 64): string {
  const r = random(seed);
  const body: string[] = [];
  for (let i = 0; i < 4 + r(24); i++) body.push(wideCheck(piece(r, bits, i)));
  const [cx, ax, dx] = bits === 64 ? ['rcx', 'rax', 'rdx'] : ['ecx', 'eax', 'edx'];
  return `mov ${cx}, 60
mov ${ax}, ${r(0x7fffffff)}
mov ${dx}, ${r(0x7fffffff)}
again:
push ${cx}
${body.join('\n')}
pop ${cx}
dec ${cx}
jnz again
hlt
sub:
add ${ax}, ${dx}
inc ${dx}
js out
rol ${ax}, 3
out:
ret`;
}
/** AH and its kind cannot stand beside a REX prefix. */
const wideCheck = (line: string): string =>
  /\b[abcd]h\b/.test(line) && /\br\d|\bsil|\bdil/.test(line) ? 'nop' : line;
