#!/usr/bin/env node
// The `proxeny` command.
import { setFlagsFromString } from 'node:v8';
import { EXIT_SIGNAL, EXIT_TIMEOUT } from './exit-code.js';

const LINGER_MS = 1000;

// V8 lets its young generation grow to 32 MiB and more for a program that allocates as a compiler does. A guest's memory counts for
// us; ours should not. The size it has now is enough: measured, a boot takes the same time.
setFlagsFromString('--semi-space-growth-factor=1');
// Nor should what is dead: V8 lets a small heap grow to a multiple before it looks for that, and compiled WebAssembly that is gone waits
// with it. Of a guest that rewrites its code it kept 100 MiB so; a boot takes the same time.
setFlagsFromString('--heap-growing-percent=50');
// V8 11 optimises a function when 132 KB of its bytecode have run. Of the five hundred functions that this is soon true of in a boot, two
// in five are thrown away again for what they had not yet seen; see decision 17. Later versions have a compiler for the time between.
if (process.versions.v8.startsWith('11.')) setFlagsFromString('--interrupt-budget=500000');
// What V8 made of WebAssembly is kept from one run to the next by functions that V8 has for its tests; see decision 20.
setFlagsFromString('--allow-natives-syntax');

process.stdout.on('error', () => {
  // A reader that went away (`| head`) is no bug; commands that care listen themselves.
});
// Only now: what is imported at the top is there before flags are set.
const { runCommandLine } = await import('./command-line.js');
const exitCode = await runCommandLine(process.argv.slice(2));
process.exitCode = exitCode;
// A pipe that still feeds our input must not keep the process. The output may need a moment; when the user or a timeout has ended
// the run, only that.
process.stdin.destroy();
if (exitCode === EXIT_TIMEOUT || exitCode > EXIT_SIGNAL)
  setTimeout(() => process.exit(exitCode), LINGER_MS).unref();
