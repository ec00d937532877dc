// Runs single x86 instructions on the host CPU, as told on stdin; answers on stdout.
// The record layout is protocol.h, written by protocol.ts. Linux on x86 only; no C library, so
// that an instruction may leave any fs/gs, flags or stack behind.
//
// How: the kernel's signal frame is the register file. UD2 in run_case() raises SIGILL; the handler
// writes the case's state into the frame, and sigreturn loads it all at once and runs the code. What
// stops the code (INT3 after it, TF, a fault, a timer) raises the next signal; that handler copies
// the frame out as the result and puts the frame of run_case() back. Handlers run on a stack of
// their own, so the case may hold anything in any register.
#include <stdint.h>
#include "protocol.h"

typedef unsigned long word;

#define SIGILL 4
#define SIGTRAP 5
#define SIGBUS 7
#define SIGFPE 8
#define SIGSEGV 11
#define SIGALRM 14
#define SA_ALL (0x4u /* SIGINFO */ | 0x04000000u /* RESTORER */ | 0x08000000u /* ONSTACK */ | 0x10000000u /* RESTART */)

#define FLAG_TF 0x100u
#define FLAG_NT 0x4000u
#define FLAG_AC 0x40000u
#define FLAG_ID 0x200000u
#define TRAP_DEBUG 1

#ifdef __x86_64__
enum { NR_read = 0, NR_write = 1, NR_mmap = 9, NR_mprotect = 10, NR_rt_sigaction = 13, NR_setitimer = 38,
       NR_sigaltstack = 131, NR_arch_prctl = 158, NR_exit_group = 231 };
static word call6(word n, word a, word b, word c, word d, word e, word f) {
  register word r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
  __asm__ volatile("syscall" : "+a"(n) : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
  return n;
}
#define call4(n, a, b, c, d) call6(n, (word)(a), (word)(b), (word)(c), (word)(d), 0, 0)
__asm__(".globl _start\n_start: xor %ebp,%ebp\n and $-16,%rsp\n call harness_main\n"
        "sigreturn_stub: mov $15,%eax\n syscall\n");
struct mcontext {  // struct sigcontext_64
  uint64_t r8, r9, r10, r11, r12, r13, r14, r15, di, si, bp, bx, dx, ax, cx, sp, ip, flags;
  uint16_t cs, gs, fs, ss;
  uint64_t err, trapno, oldmask, cr2, fpstate, reserved[8];
};
#else
enum { NR_read = 3, NR_write = 4, NR_mmap = 90, NR_setitimer = 104, NR_modify_ldt = 123, NR_mprotect = 125,
       NR_rt_sigaction = 174, NR_sigaltstack = 186, NR_exit_group = 252 };
static word call4(word n, word a, word b, word c, word d) {
  __asm__ volatile("int $0x80" : "+a"(n) : "b"(a), "c"(b), "d"(c), "S"(d) : "memory");
  return n;
}
#define call4(n, a, b, c, d) call4(n, (word)(a), (word)(b), (word)(c), (word)(d))
__asm__(".globl _start\n_start: xor %ebp,%ebp\n and $-16,%esp\n call harness_main\n"
        "sigreturn_stub: mov $173,%eax\n int $0x80\n");
struct mcontext {  // struct sigcontext_32
  uint16_t gs, gsh, fs, fsh, es, esh, ds, dsh;
  uint32_t di, si, bp, sp, bx, dx, cx, ax, trapno, err, ip;
  uint16_t cs, csh;
  uint32_t flags, sp_at_signal;
  uint16_t ss, ssh;
  uint32_t fpstate, oldmask, cr2;
};
#endif
#define is_error(r) ((r) > (word)-4096)

struct frame {  // struct ucontext
  word uc_flags, uc_link, stack_sp;
  word stack_flags, stack_size;
  struct mcontext m;
};
void sigreturn_stub(void);

void *memcpy(void *to, const void *from, word n) {
  void *result = to;
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
  return result;
}
void *memset(void *to, int value, word n) {
  void *result = to;
  __asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(value) : "memory");
  return result;
}
#define U16(p, at) (*(uint16_t *)((uint8_t *)(p) + (at)))
#define U32(p, at) (*(uint32_t *)((uint8_t *)(p) + (at)))
#define U64(p, at) (*(uint64_t *)((uint8_t *)(p) + (at)))

static uint8_t input[1 << 17] __attribute__((aligned(64)));
static uint8_t output[(1 << 17) + RESULT_BYTES_MAX] __attribute__((aligned(64)));
static word input_at, input_end, output_end;
static uint8_t signal_stack[1 << 16] __attribute__((aligned(64)));
static uint8_t pristine[WINDOW_BYTES] __attribute__((aligned(64)));
static uint8_t before[WINDOW_BYTES] __attribute__((aligned(64)));
static uint8_t *const window = (uint8_t *)WINDOW_ADDRESS;
static uint32_t pristine_seed, protection;

static enum { IDLE, ENTERING, RUNNING } phase;
static uint8_t *current_case, *current_result;
static uint32_t steps_left, ticks;
static struct mcontext home;

static void die(const char *why) {
  word n = 0;
  while (why[n]) n++;
  call4(NR_write, 2, why, n, 0);
  call4(NR_exit_group, 3, 0, 0, 0);
  __builtin_unreachable();
}

static word read_flags(void) {
  word flags;
  __asm__ volatile("pushf; pop %0" : "=r"(flags));
  return flags;
}
static void write_flags(word flags) { __asm__ volatile("push %0; popf" : : "r"(flags) : "cc", "memory"); }

// The kernel gives DF|RF|TF back on sigreturn, but NT and ID are those of the handler's last instruction.
#define KEPT_FLAGS (FLAG_NT | FLAG_ID)
static const uint32_t LOADED_FLAGS = 0x40dd5u;  // CF PF AF ZF SF TF DF OF AC

static uint8_t *fx_image(struct mcontext *m) {
#ifdef __x86_64__
  return (uint8_t *)m->fpstate;
#else
  return (uint8_t *)m->fpstate + 112;  // behind the FSAVE image of struct _fpstate_32
#endif
}

static void load_fx(struct mcontext *m, const uint8_t *from) {
  uint8_t *fx = fx_image(m);
  uint32_t mask = U32(fx, 28);
  memcpy(fx, from, 464);  // 464..511 are the kernel's
  U32(fx, 24) &= mask ? mask : 0xffbf;
  U32(fx, 28) = mask;
  if (U32(fx, 464) == 0x46505853u) U64(fx, 512) = 3;  // XSTATE_BV: x87 and SSE; the rest is reset
#ifndef __x86_64__
  uint8_t *env = (uint8_t *)m->fpstate;  // the kernel takes the x87 part of a 32-bit frame from here
  uint32_t tags = 0;
  for (int i = 0; i < 8; i++) {
    tags |= (fx[4] >> i & 1 ? 0u : 3u) << (2 * i);
    memcpy(env + 28 + 10 * i, fx + 32 + 16 * i, 10);
  }
  U32(env, 0) = 0xffff0000u | U16(fx, 0);
  U32(env, 4) = 0xffff0000u | U16(fx, 2);
  U32(env, 8) = 0xffff0000u | tags;
  U32(env, 12) = U32(fx, 8);
  U32(env, 16) = U16(fx, 12) | (uint32_t)U16(fx, 6) << 16;
  U32(env, 20) = U32(fx, 16);
  U32(env, 24) = U16(fx, 20);
#endif
}

static void load_case(struct mcontext *m, uint8_t *c) {
  uint64_t *gpr = &U64(c, CASE_GPR);
  m->ax = gpr[0], m->cx = gpr[1], m->dx = gpr[2], m->bx = gpr[3];
  m->sp = gpr[4], m->bp = gpr[5], m->si = gpr[6], m->di = gpr[7];
  uint16_t *s = &U16(c, CASE_SEGMENTS);
  if (s[1] != SEGMENT_DEFAULT) m->cs = s[1];
  if (s[2] != SEGMENT_DEFAULT) m->ss = s[2];
#ifdef __x86_64__
  m->r8 = gpr[8], m->r9 = gpr[9], m->r10 = gpr[10], m->r11 = gpr[11];
  m->r12 = gpr[12], m->r13 = gpr[13], m->r14 = gpr[14], m->r15 = gpr[15];
  if (U32(c, CASE_FLAGS) & FLAG_BASES) {
    call4(NR_arch_prctl, 0x1002, U64(c, CASE_FS_BASE), 0, 0);
    call4(NR_arch_prctl, 0x1001, U64(c, CASE_GS_BASE), 0, 0);
  }
#else
  if (s[0] != SEGMENT_DEFAULT) m->es = s[0];
  if (s[3] != SEGMENT_DEFAULT) m->ds = s[3];
  if (s[4] != SEGMENT_DEFAULT) m->fs = s[4];
  if (s[5] != SEGMENT_DEFAULT) m->gs = s[5];
#endif
  m->ip = U64(c, CASE_RIP);
  m->flags = (m->flags & ~(word)LOADED_FLAGS) | (U32(c, CASE_RFLAGS) & LOADED_FLAGS);
  if (steps_left) m->flags |= FLAG_TF;
  load_fx(m, c + CASE_FXSAVE);
}

static void store_result(const struct mcontext *m, uint8_t *r, int signal, word kept_flags) {
  uint64_t *gpr = &U64(r, RESULT_GPR);
  gpr[0] = m->ax, gpr[1] = m->cx, gpr[2] = m->dx, gpr[3] = m->bx;
  gpr[4] = m->sp, gpr[5] = m->bp, gpr[6] = m->si, gpr[7] = m->di;
  uint16_t *s = &U16(r, RESULT_SEGMENTS);
  s[1] = m->cs, s[2] = m->ss;
#ifdef __x86_64__
  gpr[8] = m->r8, gpr[9] = m->r9, gpr[10] = m->r10, gpr[11] = m->r11;
  gpr[12] = m->r12, gpr[13] = m->r13, gpr[14] = m->r14, gpr[15] = m->r15;
  if (U32(current_case, CASE_FLAGS) & FLAG_BASES) {
    call4(NR_arch_prctl, 0x1003, &U64(r, RESULT_FS_BASE), 0, 0);
    call4(NR_arch_prctl, 0x1004, &U64(r, RESULT_GS_BASE), 0, 0);
  }
  __asm__ volatile("mov %%es,%0; mov %%ds,%1; mov %%fs,%2; mov %%gs,%3"
                   : "=m"(s[0]), "=m"(s[3]), "=m"(s[4]), "=m"(s[5]));
  if (s[0] | s[3] | s[4] | s[5])
    __asm__ volatile("mov %0,%%es; mov %0,%%ds; mov %0,%%fs; mov %0,%%gs" : : "r"(0));
#else
  s[0] = m->es, s[3] = m->ds, s[4] = m->fs, s[5] = m->gs;
#endif
  U32(r, RESULT_SIGNAL) = signal;
  U32(r, RESULT_TRAP) = m->trapno;
  U32(r, RESULT_ERROR_CODE) = m->err;
  U64(r, RESULT_FAULT_ADDRESS) = m->cr2;
  U64(r, RESULT_RIP) = m->ip;
  word flags = (m->flags & ~(word)KEPT_FLAGS) | kept_flags;
  if (U32(current_case, CASE_STEPS)) flags &= ~(word)FLAG_TF;
  U64(r, RESULT_RFLAGS) = flags;
  memcpy(r + RESULT_FXSAVE, fx_image((struct mcontext *)m), 464);
}

static void on_signal(int signal, void *info, struct frame *frame) {
  (void)info;
  struct mcontext *m = &frame->m;
  word kept = read_flags() & KEPT_FLAGS;
  write_flags(2);  // AC would make this handler itself fault
  if (phase == ENTERING && signal == SIGILL) {
    home = *m;
    phase = RUNNING;
    load_case(m, current_case);
    kept = U32(current_case, CASE_RFLAGS) & KEPT_FLAGS;
  } else if (phase == RUNNING) {
    if (signal == SIGALRM) {
      if (++ticks < 3) goto resume;
    } else if (signal == SIGTRAP && m->trapno == TRAP_DEBUG && steps_left && --steps_left) {
      goto resume;
    }
    store_result(m, current_result, signal, kept);
    word fpstate = m->fpstate;
    *m = home;
    m->fpstate = fpstate;
    m->ip += 2;  // past UD2
    phase = IDLE;
    kept = 0;
  } else if (signal != SIGALRM) {
    die("native-oracle: the harness itself faulted\n");
  }
resume:
  write_flags(2 | kept);
}

static void flush(void) {
  word at = 0;
  while (at < output_end) {
    word n = call4(NR_write, 1, output + at, output_end - at, 0);
    if (is_error(n)) call4(NR_exit_group, 0, 0, 0, 0);
    at += n;
  }
  output_end = 0;
}

static uint8_t *next_record(void) {
  for (;;) {
    word have = input_end - input_at;
    if (have >= CASE_LENGTH + 4) {
      word length = U32(input + input_at, CASE_LENGTH);
      if (length > sizeof input || length < DESCRIPTOR_byteLength) die("native-oracle: bad record length\n");
      if (have >= length) {
        input_at += length;
        return input + input_at - length;
      }
    }
    memcpy(input, input + input_at, have);
    input_at = 0, input_end = have;
    flush();
    word n = call4(NR_read, 0, input + input_end, sizeof input - input_end, 0);
    if (n == 0 || is_error(n)) call4(NR_exit_group, 0, 0, 0, 0);
    input_end += n;
  }
}

static void protect(uint32_t wanted) {
  static const uint8_t linux_protection[3] = {3, 1, 0};
  if (wanted == protection) return;
  call4(NR_mprotect, window + WINDOW_BYTES / 2, WINDOW_BYTES / 2, linux_protection[wanted % 3], 0);
  protection = wanted;
}

static void prepare_window(const uint8_t *c) {
  uint32_t x = U32(c, CASE_SEED);
  if (x != pristine_seed) {
    pristine_seed = x;
    for (word i = 0; i < WINDOW_BYTES; i += 4) {
      x ^= x << 13;
      x ^= x >> 17;
      x ^= x << 5;
      U32(pristine, i) = x;
    }
  }
  memcpy(before, pristine, WINDOW_BYTES);
  const uint8_t *patch = c + CASE_byteLength;
  for (uint32_t n = U32(c, CASE_TAIL_COUNT); n; n--) {
    uint32_t offset = U16(patch, 0), length = U16(patch, 2);
    if (offset + length > WINDOW_BYTES) die("native-oracle: patch outside the window\n");
    memcpy(before + offset, patch + 4, length);
    patch += 4 + ((length + 3) & ~3u);
  }
  protect(0);
  memcpy(window, before, WINDOW_BYTES);
  protect(U32(c, CASE_PROTECTION));
}

static word store_changes(uint8_t *r) {
  word tail = RESULT_byteLength;
  uint32_t count = 0;
  protect(0);
  for (word at = 0; at < WINDOW_BYTES;) {
    if (!(at & 7) && U64(before, at) == U64(window, at)) {
      at += 8;
    } else if (before[at] == window[at]) {
      at++;
    } else {
      word start = at;
      while (at < WINDOW_BYTES && before[at] != window[at]) at++;
      U16(r, tail) = start;
      U16(r, tail + 2) = at - start;
      memcpy(r + tail + 4, window + start, at - start);
      tail += 4 + ((at - start + 3) & ~(word)3);
      count++;
    }
  }
  U32(r, RESULT_TAIL_COUNT) = count;
  return tail;
}

static void run_case(uint8_t *c) {
  uint8_t *code = (uint8_t *)CODE_ADDRESS, *r = output + output_end;
  uint32_t code_length = U32(c, CASE_CODE_LENGTH);
  if (code_length > CODE_BYTES_MAX) die("native-oracle: code too long\n");
  memset(r, 0, RESULT_byteLength);
  prepare_window(c);
  memcpy(code, c + CASE_CODE, code_length);
  current_case = c, current_result = r;
  steps_left = U32(c, CASE_STEPS), ticks = 0;
  phase = ENTERING;
  __asm__ volatile("ud2" : : : "memory");
  memset(code, 0xcc, code_length);
  U32(r, RESULT_KIND) = KIND_RESULT;
  U32(r, RESULT_ID) = U32(c, CASE_ID);
  word length = store_changes(r);
  U32(r, RESULT_LENGTH) = length;
  output_end += length;
  if (output_end > sizeof output - RESULT_BYTES_MAX) flush();
}

static void set_descriptor(uint8_t *d) {
#ifdef __x86_64__
  (void)d;
  die("native-oracle: descriptors need the 32-bit harness\n");
#else
  word r = call4(NR_modify_ldt, 0x11, d + DESCRIPTOR_ENTRY, 16, 0);
  if (is_error(r)) die("native-oracle: modify_ldt failed (CONFIG_MODIFY_LDT_SYSCALL off?)\n");
#endif
}

static void map(word address, word length, word linux_protection) {
  const word private_anonymous_fixed = 0x32;
#ifdef __x86_64__
  word at = call6(NR_mmap, address, length, linux_protection, private_anonymous_fixed, (word)-1, 0);
#else
  word arguments[6] = {address, length, linux_protection, private_anonymous_fixed, (word)-1, 0};
  word at = call4(NR_mmap, arguments, 0, 0, 0);
#endif
  if (at != address) die("native-oracle: cannot map the fixed code and data pages\n");
}

__attribute__((used, force_align_arg_pointer)) void harness_main(void) {
  const word guard = 0x100000;
  map(CODE_REGION_ADDRESS, CODE_REGION_BYTES, 7);
  memset((void *)CODE_REGION_ADDRESS, 0xcc, CODE_REGION_BYTES);
  map(WINDOW_ADDRESS - guard, WINDOW_BYTES + 2 * guard, 0);
  map(WINDOW_ADDRESS, WINDOW_BYTES, 3);
  struct { void *sp; word flags, size; } stack = {signal_stack, 0, sizeof signal_stack};
  struct { void (*handler)(int, void *, struct frame *); word flags; void (*restorer)(void); uint64_t mask; }
    __attribute__((packed)) action = {on_signal, SA_ALL, sigreturn_stub, ~0ull};
  static const uint8_t signals[] = {SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGALRM};
  word failed = call4(NR_sigaltstack, &stack, 0, 0, 0);
  for (word i = 0; i < sizeof signals; i++) failed |= call4(NR_rt_sigaction, signals[i], &action, 0, 8);
  const word tick_us = 50000;
  word timer[4] = {0, tick_us, 0, tick_us};
  failed |= call4(NR_setitimer, 0, timer, 0, 0);
  if (failed) die("native-oracle: cannot install signal handlers\n");
  for (;;) {
    uint8_t *record = next_record();
    if (U32(record, CASE_KIND) == KIND_DESCRIPTOR) set_descriptor(record);
    else run_case(record);
  }
}
