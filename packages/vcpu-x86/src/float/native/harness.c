/* Runs single x87 and SSE instructions on the host CPU. Reads 32-byte cases from stdin, writes 48-byte outcomes.
 * Case:    u16 op, u16 cw, u32 mxcsr, 10 bytes a (ST0, memory operand or SSE operand 1), 10 bytes b (ST1 or operand 2), u32 imm
 * Outcome: 10 bytes ST0, 10 bytes ST1, 10 bytes memory, u16 status word, u32 eflags, u32 mxcsr, u32 signalled, u32 result64 */
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>

#pragma pack(push, 1)
struct test_case { uint16_t op, cw; uint32_t mxcsr; uint8_t a[10], b[10]; uint32_t imm; };
struct outcome { uint8_t st0[10], st1[10], mem[10]; uint16_t sw; uint32_t eflags, mxcsr, signalled; uint8_t pad[4]; };
#pragma pack(pop)

static uint8_t env[128];
static union { uint8_t bytes[16]; long double ld; uint64_t q; } ma, mb, mem;
static uint16_t cw;
static uint64_t fl;

#define X87(insn) \
  asm volatile("fninit\n fldt %[b]\n fldt %[a]\n fldcw %[cw]\n fnclex\n" insn "\n pushfq\n pop %[fl]\n fnsave %[env]\n" \
    : [env] "=m"(env), [fl] "=r"(fl), [m] "+m"(mem) : [a] "m"(ma.ld), [b] "m"(mb.ld), [cw] "m"(cw) : "cc", "memory", "rax")
#define C87(n, insn) case n: X87(insn); break;

static int run_x87(unsigned op) {
  switch (op) {
    C87(0, "fadd %%st(1),%%st") C87(1, "fmul %%st(1),%%st") C87(2, "fcom %%st(1)") C87(3, "fucom %%st(1)")
    C87(4, "fsub %%st(1),%%st") C87(5, "fsubr %%st(1),%%st") C87(6, "fdiv %%st(1),%%st") C87(7, "fdivr %%st(1),%%st")
    C87(8, "fsqrt") C87(9, "ftst") C87(10, "fxam") C87(11, "frndint") C87(12, "fscale") C87(13, "fxtract")
    C87(14, "fprem") C87(15, "fprem1") C87(16, "fsin") C87(17, "fcos") C87(18, "fsincos") C87(19, "fptan")
    C87(20, "fpatan") C87(21, "f2xm1") C87(22, "fyl2x") C87(23, "fyl2xp1")
    C87(24, "fcomi %%st(1),%%st") C87(25, "fucomi %%st(1),%%st")
    C87(30, "flds %[m]") C87(31, "fldl %[m]") C87(32, "filds %[m]") C87(33, "fildl %[m]") C87(34, "fildll %[m]")
    C87(35, "fbld %[m]")
    C87(36, "fsts %[m]") C87(37, "fstl %[m]") C87(38, "fists %[m]") C87(39, "fistl %[m]") C87(40, "fistpll %[m]")
    C87(41, "fisttps %[m]") C87(42, "fisttpl %[m]") C87(43, "fisttpll %[m]") C87(44, "fbstp %[m]")
    C87(50, "fld1") C87(51, "fldl2t") C87(52, "fldl2e") C87(53, "fldpi") C87(54, "fldlg2") C87(55, "fldln2") C87(56, "fldz")
    C87(60, "fadds %[m]") C87(61, "fmuls %[m]") C87(62, "fcoms %[m]") C87(64, "fsubs %[m]") C87(65, "fsubrs %[m]")
    C87(66, "fdivs %[m]") C87(67, "fdivrs %[m]")
    C87(70, "faddl %[m]") C87(71, "fmull %[m]") C87(72, "fcoml %[m]") C87(74, "fsubl %[m]") C87(75, "fsubrl %[m]")
    C87(76, "fdivl %[m]") C87(77, "fdivrl %[m]")
    default: return 0;
  }
  return 1;
}

static sigjmp_buf back;
static volatile uint32_t caught_mxcsr;
static void on_fpe(int s, siginfo_t *i, void *context) {
  caught_mxcsr = ((ucontext_t *)context)->uc_mcontext.fpregs->mxcsr;
  siglongjmp(back, 1);
}

static uint32_t mxcsr_in, mxcsr_out;
static const uint32_t mxcsr_default = 0x1f80;
static uint64_t gpr, sse_a[2] __attribute__((aligned(16))), sse_b[2] __attribute__((aligned(16)));

#define SSE(insn) \
  asm volatile("movaps %[a],%%xmm0\n movaps %[b],%%xmm1\n mov %[g],%%rax\n ldmxcsr %[in]\n" insn \
    "\n pushfq\n pop %[fl]\n stmxcsr %[out]\n ldmxcsr %[def]\n movaps %%xmm0,%[a]\n mov %%rax,%[g]\n" \
    : [a] "+m"(sse_a), [g] "+m"(gpr), [out] "=m"(mxcsr_out), [fl] "=r"(fl) \
    : [b] "m"(sse_b), [in] "m"(mxcsr_in), [def] "m"(mxcsr_default) : "xmm0", "xmm1", "rax", "cc", "memory")
#define CS(n, insn) case n: SSE(insn " %%xmm1,%%xmm0"); break;
#define CG(n, insn) case n: SSE(insn); break;
#define CI(n, insn) case n: switch (imm & 15) { \
  case 0: SSE(insn " $0,%%xmm1,%%xmm0"); break; case 1: SSE(insn " $1,%%xmm1,%%xmm0"); break; \
  case 2: SSE(insn " $2,%%xmm1,%%xmm0"); break; case 3: SSE(insn " $3,%%xmm1,%%xmm0"); break; \
  case 4: SSE(insn " $4,%%xmm1,%%xmm0"); break; case 5: SSE(insn " $5,%%xmm1,%%xmm0"); break; \
  case 6: SSE(insn " $6,%%xmm1,%%xmm0"); break; case 7: SSE(insn " $7,%%xmm1,%%xmm0"); break; \
  case 8: SSE(insn " $8,%%xmm1,%%xmm0"); break; case 9: SSE(insn " $9,%%xmm1,%%xmm0"); break; \
  case 10: SSE(insn " $10,%%xmm1,%%xmm0"); break; case 11: SSE(insn " $11,%%xmm1,%%xmm0"); break; \
  case 12: SSE(insn " $12,%%xmm1,%%xmm0"); break; default: SSE(insn " $15,%%xmm1,%%xmm0"); } break;
#define CP(n, insn) case n: switch (imm & 7) { \
  case 0: SSE(insn " $0,%%xmm1,%%xmm0"); break; case 1: SSE(insn " $1,%%xmm1,%%xmm0"); break; \
  case 2: SSE(insn " $2,%%xmm1,%%xmm0"); break; case 3: SSE(insn " $3,%%xmm1,%%xmm0"); break; \
  case 4: SSE(insn " $4,%%xmm1,%%xmm0"); break; case 5: SSE(insn " $5,%%xmm1,%%xmm0"); break; \
  case 6: SSE(insn " $6,%%xmm1,%%xmm0"); break; default: SSE(insn " $7,%%xmm1,%%xmm0"); } break;

static void sse_switch(unsigned op, unsigned imm) {
  switch (op) {
    CS(100, "addsd") CS(101, "subsd") CS(102, "mulsd") CS(103, "divsd") CS(104, "sqrtsd") CS(105, "minsd") CS(106, "maxsd")
    CP(107, "cmpsd") CS(108, "ucomisd") CS(109, "comisd") CI(110, "roundsd") CS(111, "cvtsd2ss")
    CG(112, "cvtsd2si %%xmm1,%%eax") CG(113, "cvtsd2si %%xmm1,%%rax") CG(114, "cvttsd2si %%xmm1,%%eax")
    CG(115, "cvttsd2si %%xmm1,%%rax") CG(116, "cvtsi2sd %%eax,%%xmm0") CG(117, "cvtsi2sd %%rax,%%xmm0")
    CS(200, "addss") CS(201, "subss") CS(202, "mulss") CS(203, "divss") CS(204, "sqrtss") CS(205, "minss") CS(206, "maxss")
    CP(207, "cmpss") CS(208, "ucomiss") CS(209, "comiss") CI(210, "roundss") CS(211, "cvtss2sd")
    CG(212, "cvtss2si %%xmm1,%%eax") CG(213, "cvtss2si %%xmm1,%%rax") CG(214, "cvttss2si %%xmm1,%%eax")
    CG(215, "cvttss2si %%xmm1,%%rax") CG(216, "cvtsi2ss %%eax,%%xmm0") CG(217, "cvtsi2ss %%rax,%%xmm0")
    CS(220, "rcpss") CS(221, "rsqrtss")
  }
}

int main(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_fpe;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGFPE, &action, 0);
  static struct test_case c;
  static struct outcome o;
  while (fread(&c, sizeof c, 1, stdin) == 1) {
    memset(&o, 0, sizeof o);
    if (c.op < 100) {
      memcpy(ma.bytes, c.a, 10);
      memcpy(mb.bytes, c.b, 10);
      memset(mem.bytes, 0xcc, 16);
      if (c.op >= 30 && c.op < 36) memcpy(mem.bytes, c.a, 10);
      if (c.op >= 60) memcpy(mem.bytes, c.b, 10);
      cw = c.cw;
      if (!run_x87(c.op)) return 2;
      memcpy(o.st0, env + 28, 10);
      memcpy(o.st1, env + 38, 10);
      memcpy(o.mem, mem.bytes, 10);
      memcpy(&o.sw, env + 4, 2);
      o.eflags = (uint32_t)fl;
    } else {
      memset(sse_a, 0, 16);
      memset(sse_b, 0, 16);
      memcpy(sse_a, c.a, 8);
      memcpy(sse_b, c.b, 8);
      memcpy(&gpr, c.b, 8);
      mxcsr_in = c.mxcsr;
      if (sigsetjmp(back, 1) == 0) sse_switch(c.op, c.imm);
      else {
        mxcsr_out = caught_mxcsr;
        o.signalled = 1;
        asm volatile("ldmxcsr %0" : : "m"(mxcsr_default));
      }
      memcpy(o.mem, sse_a, 8);
      memcpy(o.st0, &gpr, 8);
      o.mxcsr = mxcsr_out;
      o.eflags = (uint32_t)fl;
    }
    fwrite(&o, sizeof o, 1, stdout);
  }
  return 0;
}
