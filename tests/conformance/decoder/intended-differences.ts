// Where our decoder and disassembler differ from iced-x86 on purpose: the list, and a rewriting of iced's NASM text into ours
// for what is only a difference of spelling. Anything not named here fails the comparison.
import type { Instruction } from '@proxeny/vcpu-x86/asm';

/** Instruction sets that iced knows and we leave undefined (#UD), as patterns of its mnemonics. */
export const notImplemented: readonly RegExp[] = [
  // AVX, FMA, XOP, AVX-512 and whatever else VEX, EVEX or XOP encodes, BMI among it.
  /^V(?!err|erw|mcall|mmcall)/,
  /^K[a-z]+[bwdq]$/,
  /^(Andn|Bextr|Bls|Bzhi|Mulx|Pdep|Pext$|Rorx|Sarx|Shlx|Shrx|Bl[cs]|T1mskc|Tzmsk|Llwpcb|Slwpcb|Lwp|Cmp\w+xadd|Cmpn?[a-z]+xadd|T(dp|ile|c|dc)|Ldtilecfg|Sttilecfg|Urdmsr|Uwrmsr)/,
  // Cryptography.
  /^(Aes|Sha|Pclmul|Gf2p8|Loadiwkey|Encodekey|Ccs_|Xcrypt|Xsha|Xstore|Montmul|Undoc|Sm[234])/,
  // 3DNow!, SSE4a.
  /^(Pavgusb|Pf|Pi2f|Pmulhrw$|Pswapd|Femms|Extrq|Insertq|Movntsd|Movntss)/,
  // VMX, SVM, SEV, SGX, SMX, TDX. VMX and SVM are not advertised to guests.
  /^(Inv(ept|vpid|lpga|lpgb)|Clgi|Stgi|Skinit|Getsec|Encl|Pconfig|Seam|Tdcall|Tlbsync|Psmash|Pvalidate|Rmp|Hreset)/,
  // Control-flow enforcement, protection keys, user interrupts, FRED, transactions, direct stores, waiting in user mode.
  /^(Clrssbsy|Incssp|Rdssp|Rstorssp|Saveprevssp|Setssbsy|Wrss|Wruss|Rdpkru|Wrpkru|Clui|Stui|Testui|Uiret|Senduipi)/,
  /^(Erets|Eretu|Lkgs|Xabort|Xbegin|Xend|Xtest|Xresldtrk|Xsusldtrk|Movdir|Enqcmd|Tpause|Umonitor|Umwait|Ptwrite)/,
  // Later additions: ADX, remote atomics, cache control, MSR lists, serialisation; XSAVEC and XSAVES are not advertised.
  /^(Adcx|Adox|Aadd|Aand|Aor|Axor|Clflushopt|Clwb|Clzero|Cldemote|Monitorx|Mwaitx|Mcommit|Rdpru|Rdpid|Pbndkb|Serialize)/,
  /^(Wrmsrns|Rdmsrlist|Wrmsrlist|Xsavec|Xsaves|Xrstors|Bnd)/,
];

/** Rows whose text differs by more than spelling; each with what iced says of the same bytes. */
export const otherReadings: Readonly<Record<string, RegExp>> = {
  // Hints: we do not name what only newer CPUs know, nor the second operand of a reserved no-operation.
  NOP: /^(nop|reservednop|cldemote|bnd|prefetch|xchg|rdssp)/,
  PREFETCH: /^prefetch(w|wt1|_reserved)? /,
  WBINVD: /^wbnoinvd$/,
  // AMD SEV-ES: VMMCALL to everybody else.
  VMMCALL: /^vmgexit$/,
};

/** x87 instructions with an implied first operand, which we write and iced leaves out. */
function withoutImpliedStack(text: string, i: Instruction): string {
  const [first, second] = i.row.operands;
  if (first?.fixed === 'ST0' && second) return text.replace(/ st0, /, ' ');
  if (second?.fixed === 'ST0')
    return text.replace(/^(\w+) (st\d), st0$/, i.row.mnemonic.endsWith('P') ? '$1 $2' : '$1 to $2');
  return text;
}

const repeatsAlike = new Set(['INS', 'OUTS', 'MOVS', 'STOS', 'LODS']);
/** We write the size of what is read; iced none. */
const sizeless = new Set([
  'CMPXCHG8B',
  'CMPXCHG16B',
  'BLENDVPS',
  'BLENDVPD',
  'PBLENDVB',
  'LDS',
  'LES',
  'LSS',
  'LFS',
  'LGS',
  'CALL_FAR',
  'JMP_FAR',
]);
/** Sources of 16 bits: iced names the register by the operand size. */
const wordSources = new Set(['LAR', 'LSL', 'MOV_TO_SEG', 'LLDT', 'LTR', 'VERR', 'VERW', 'LMSW']);
/** With REX.W iced names the 64-bit register; the result is the same. */
const maskMoves = new Set([
  'MOVMSKPS',
  'MOVMSKPD',
  'PEXTRB',
  'PEXTRW',
  'PINSRW',
  'PINSRB',
  'EXTRACTPS',
  'PMOVMSKB',
]);

/** Our text, and iced's, in one spelling. */
export function commonText(text: string, i: Instruction): string {
  const { mnemonic } = i.row;
  let t = withoutImpliedStack(text, i);
  // Hints that change nothing, and operand sizes that iced shows by other means or not at all.
  t = t.replace(/\b(xacquire|xrelease|notrack|bnd|o16|o32|o64) /g, '');
  t = t
    .replace(/^(fneni|fndisi|fnsetpm)$/, 'fnop')
    .replace(/^fstpnce /, 'fstp ')
    .replace(/^sal /, 'shl ');
  t = t.replace(/^rep (?=ret)/, '').replace(/^(call|jmp) (word|dword) (?=(0x)?\w+:)/, '$1 ');
  t = t
    .replace(/^(aa[dm]) 0xa$/, '$1')
    .replace(
      /^(ret|retf|iret|pusha|popa|pushf|popf|sysret|sysexit|pcmpestr[im])(w|d|q|64)?\b/,
      '$1',
    );
  t = t.replace(/(word|dword|qword) far /, 'far $1 ');
  t = t.replace(
    /^(loop\w*) (0x\w+|\d), (cx|ecx|rcx)$/,
    (_, name, target, counter) =>
      `${{ cx: 'a16', ecx: 'a32', rcx: 'a64' }[counter as 'cx']} ${name} ${target}`,
  );
  // The size of an address that is only a displacement shows in the bytes, and the lengths agreed.
  t = t.replace(/\[(word|dword|qword) /, '[').replace(/^a32 (?=mov )/, '');
  if (mnemonic.startsWith('J')) t = t.replace(/^([cdefgs]s) (?=j)/, '');
  if (repeatsAlike.has(mnemonic)) t = t.replace('repne ', 'rep ');
  if (sizeless.has(mnemonic) || mnemonic.startsWith('PREFETCH'))
    t = t.replace(/(far )?((byte|word|dword|qword|oword) )?(?=\[)/, '');
  if (mnemonic === 'XCHG')
    t = t.replace(/xchg (.*), (.*)$/, (_, a, b) => `xchg ${[a, b].sort().join(', ')}`);
  if (wordSources.has(mnemonic) && i.isRegister)
    t = t.replace(/\b[re](?=[abcds][a-z]$)/, '').replace(/\b(r\d+)[dw]$/, '$1');
  if (maskMoves.has(mnemonic))
    t = t.replace(/\br(?=[abcds][xpi])/, 'e').replace(/\b(r\d+)d?\b/, '$1');
  return t;
}
