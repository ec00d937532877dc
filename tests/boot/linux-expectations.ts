// The conditions that the outcome of a boot of Linux is held to, shared by the short and the long list of boots.
import { expect } from 'vitest';
import type { LinuxCase, LinuxOutcome } from './linux-acceptance.js';

/** At rest a guest's kernel wakes up 250 times a second at most, for some 7,000 instructions; a busy loop executes a hundred million. */
const IDLE_INSTRUCTIONS = 5_000_000;
/** That takes a fifth of a slow host's CPU; anything near a whole one is a busy loop of ours. */
const IDLE_LOAD = 0.4;

export function expectSoundLinux(given: LinuxCase, outcome: LinuxOutcome): void {
  const machine = given.package.endsWith('amd64') ? 'x86_64' : 'i686';
  expect(outcome.complaints).toEqual([]);
  expect(outcome.log).toContain('Linux version 6.1.0-');
  expect(outcome.uname).toMatch(new RegExp(`^Linux \\S+ 6\\.1\\.0-.* ${machine} GNU/Linux\\n$`));
  expect(outcome.cpuinfo).toMatch(/^processor\t: 0\n[\s\S]*^flags\t+: .*\bfpu\b/m);
  expect(outcome.answer).toBe('42\n');
  const ram = (given.memoryMib ?? 256) * 1024;
  expect(outcome.memoryKib).toBeLessThan(ram);
  expect(outcome.memoryKib).toBeGreaterThan(ram * 0.88 - 24 * 1024);
  expect(outcome.sleepSeconds).toBeGreaterThan(4.85);
  expect(outcome.sleepSeconds).toBeLessThan(5.15);
  expect(outcome.idleInstructions).toBeLessThan(IDLE_INSTRUCTIONS);
  expect(outcome.idleLoad).toBeLessThan(IDLE_LOAD);
  expect(outcome.end.reason).toBe(given.append?.includes('acpi=off') ? 'reset' : 'poweroff');
}
