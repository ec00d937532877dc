// Configuration files on the command line: what is wrong with them is said with file, line and column, before anything runs.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runCommandLine } from './command-line.js';

const folder = mkdtempSync(join(tmpdir(), 'pconfig-'));
let errors = '';

beforeEach(() => {
  errors = '';
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    errors += String(text);
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function file(name: string, contents: string): string {
  const path = join(folder, name);
  writeFileSync(path, contents);
  return path;
}

const text = file('notes.txt', 'These are notes.\n');
const one = (fields: string) => `domains:\n  - name: one\n    kernel: ${text}\n${fields}`;

describe('a configuration file that cannot be had', () => {
  it.each([
    [
      'a missing kernel',
      'domains:\n  - name: one\n    kernel: ./none\n',
      4,
      ':3:5: domains[0].kernel: kernel',
    ],
    [
      'a kernel that is none',
      one(''),
      1,
      ':3:5: domains[0].kernel: notes.txt is no kernel for Xen',
    ],
    ['a PC', one('    type: pc\n'), 1, ':4:5: domains[0].type: a PC has a machine of its own'],
    ['two virtual CPUs', one('    vcpus: 2\n'), 1, ':4:5: domains[0].vcpus: a guest has one'],
    ['a slow network', one('    vif: [rate=1Mb/s]\n'), 1, ':4:11: domains[0].vif[0]: a limit'],
    ['a wrong disk name', one('    disk: ["./d,raw,xvda999,w"]\n'), 1, 'no disk is called xvda999'],
    [
      'an action that is none',
      one('    on_crash: explode\n'),
      1,
      'domains[0].on_crash: "explode" is none of destroy, restart, preserve',
    ],
    [
      'too much memory',
      `${one('    memory: 2048\n')}${one('    memory: 2048\n').slice(9).replace('one', 'two')}`,
      1,
      ':7:5: domains[1].memory: all domains together get more than the 3968 MiB',
    ],
  ])('because of %s is refused at its place', async (_what, contents, code, message) => {
    const path = file('machine.yaml', contents);
    expect(await runCommandLine(['run', path])).toBe(code);
    expect(errors).toContain(`proxeny: machine.yaml`);
    expect(errors).toContain(message);
    expect(errors.split('\n')).toHaveLength(2);
  });

  it('of xl is known by its contents, too', async () => {
    const path = file('web', 'name = "web"\nkernel = "./none"\nmemory = 64\n');
    expect(await runCommandLine(['run', path])).toBe(4);
    expect(errors).toContain("web:2:1: domains[0].kernel: kernel './none' does not exist");
  });

  it('has no domain of a name that another file has', async () => {
    const path = file('a.cfg', `name = "one"\nkernel = "${text}"\n`);
    expect(await runCommandLine(['run', path, '--config', path])).toBe(1);
    expect(errors).toContain('a.cfg:1:1: domains[0].name: another domain is called one too');
  });
});

describe('options that describe a guest', () => {
  it.each([
    [['--memory', '64M'], '--memory describes a guest; with a configuration file, write it there'],
    [['--type', 'pv'], '--type describes a guest'],
    [['--builtin'], '--builtin describes a guest'],
    [['--console', 'two'], "--console 'two': there is no such domain; there are one"],
  ])('%j do not go with a configuration file', async (options, message) => {
    expect(await runCommandLine(['run', file('b.yaml', one('')), ...options])).toBe(2);
    expect(errors).toContain(message);
  });

  it('are needed without one: two kernels are none', async () => {
    expect(await runCommandLine(['run', text, text])).toBe(2);
    expect(errors).toContain('two kernels');
    expect(await runCommandLine(['run', text, '--console', 'x'])).toBe(2);
  });
});
