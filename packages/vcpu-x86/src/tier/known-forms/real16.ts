// Forms of 16-bit code that firmware was seen to run; see hot-forms.ts.
export const real16 = `
  74|JE Jb|16|16|ms; 85 /r|TEST Ev,Gv|32|16|rs; EB|JMP Jb|16|16|ms; 48+r|DEC Zv|32|16|ms; 88 /r|MOV Eb,Gb|32|32|mxs;
  8E /r|MOV_TO_SEG Sw,Ew|32|16|rs; 58+r|POP Zv|32|16|ms; 50+r|PUSH Zv|32|16|ms; 89 /r|MOV Ev,Gv|32|16|rs;
  8B /r|MOV Gv,Ev|32|32|ms; 89 /r|MOV Ev,Gv|32|32|ms; C3|RET|32|16|ms; B8+r|MOV Zv,Iv|32|16|ms;
  8C /r reg|MOV_FROM_SEG Rv,Sw|16|16|rs; E8|CALL Jz|32|16|ms; 31 /r|XOR Ev,Gv|32|16|rs; 0F B7 /r|MOVZX Gv,Ew|32|16|rs;
  8E /r|MOV_TO_SEG Sw,Ew|32|32|ms; 84 /r|TEST Eb,Gb|32|16|rs; A3|MOV Ov,rAX|16|16|ms; A1|MOV rAX,Ov|32|16|ms;
  75|JNE Jb|16|16|ms; 3D|CMP rAX,Iz|32|16|ms; A0|MOV AL,Ob|32|16|ms; 88 /r|MOV Eb,Gb|32|16|rs; 83 /5|SUB Ev,Ibs|32|16|rs;
  E9|JMP Jz|16|16|ms; A1|MOV rAX,Ov|16|16|ms; 0F 20 /r|MOV_FROM_CR Ry,Cy|32|16|rs; 83 /0|ADD Ev,Ibs|32|16|rs;
  FF /6|PUSH Ev|32|32|ms; A3|MOV Ov,rAX|32|16|ms; FA|CLI|32|16|ms; FC|CLD|32|16|ms; FF /2|CALL Ev|32|16|rs;
  89 /r|MOV Ev,Gv|16|32|ms; 8F /0|POP Ev|16|32|ms; CF|IRET|16|16|ms; 8C /r mem|MOV_FROM_SEG Mw,Sw|32|32|ms;
  8B /r|MOV Gv,Ev|32|16|ms; E4|IN AL,Ib|32|16|ms; 0F 01 /3 mem|LIDT Ms|16|16|ms; 0F 22 /r|MOV_TO_CR Cy,Ry|32|16|rs;
  78|JS Jb|16|16|ms; 83 /4|AND Ev,Ibs|32|16|rs; A2|MOV Ob,AL|32|16|ms; 88 /r|MOV Eb,Gb|32|16|ms; 8B /r|MOV Gv,Ev|16|32|ms;
  8F /0|POP Ev|32|32|ms; 1E|PUSH_SEG DS|16|16|ms; 76|JBE Jb|16|16|ms; 0F 84|JE Jz|16|16|ms; 81 /7|CMP Ev,Iz|32|16|rs;
  89 /r|MOV Ev,Gv|32|16|ms; 31 /r|XOR Ev,Gv|16|16|rs; 80 /7|CMP Eb,Ib|32|32|ms; 88 /r|MOV Eb,Gb|32|32|ms;
  8A /r|MOV Gb,Eb|32|32|ms; EA|JMP_FAR Ap|16|16|ms; 0F 01 /2 mem|LGDT Ms|16|16|ms; 81 /4|AND Ev,Iz|32|16|rs;
  83 /1|OR Ev,Ibs|32|16|rs; EA|JMP_FAR Ap|32|16|ms; FF /4|JMP Ev|32|16|rs; C1 /4|SHL Ev,Ib|32|16|rs;
  29 /r|SUB Ev,Gv|32|16|rs; 0F 01 /2 mem|LGDT Ms|32|32|ms; 25|AND rAX,Iz|32|16|ms; 0F B6 /r|MOVZX Gv,Eb|32|16|rs;
  E6|OUT Ib,AL|32|16|ms; A8|TEST AL,Ib|32|16|ms; 3C|CMP AL,Ib|32|16|ms; 0F 01 /0 mem|SGDT Ms|32|32|ms;
  D0 /5|SHR Eb,1|32|16|rs; 0F 95 /r|SETNE Eb|32|16|rs; 38 /r|CMP Eb,Gb|32|16|rs; FF /6|PUSH Ev|16|32|ms; FB|STI|32|16|ms;
  0E|PUSH_SEG CS|16|16|ms; 68|PUSH Iz|16|16|ms; CD|INT Ib|32|16|ms; CB|RET_FAR|16|16|ms; 9C|PUSHF|16|16|ms;
  68|PUSH Iz|32|16|ms; 8D /r mem|LEA Gv,M|32|32|ms; B0+r|MOV Zb,Ib|32|16|ms; 0F 97 /r|SETA Eb|32|16|rs; 40+r|INC Zv|32|16|ms;
  8B /r|MOV Gv,Ev|16|16|ms; 85 /r|TEST Ev,Gv|16|16|rs; C7 /0|MOV Ev,Iz|16|32|ms; F4|HLT|32|16|ms; 90|NOP|32|16|ms;
  F3 90|PAUSE|32|16|ms; 0C|OR AL,Ib|32|16|ms; 8A /r|MOV Gb,Eb|32|16|ms; 80 /7|CMP Eb,Ib|32|16|rs; 77|JA Jb|16|16|ms;
  8B /r|MOV Gv,Ev|32|32|mxs; 83 /1|OR Ev,Ibs|16|32|ms; 58+r|POP Zv|16|16|ms; 83 /7|CMP Ev,Ibs|32|16|ms;
  0F 85|JNE Jz|16|16|ms; 80 /4|AND Eb,Ib|32|16|rs
`;
