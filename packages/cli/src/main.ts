#!/usr/bin/env node
// The `proxeny` command.
import { runCommandLine } from './command-line.js';

process.stdout.on('error', () => {
  // A reader that went away (`| head`) is no bug; commands that care listen themselves.
});
process.exitCode = await runCommandLine(process.argv.slice(2));
// A pipe that still feeds our input must not keep the process; the output may need a moment.
process.stdin.destroy();
