// The package: the command line as a function, and its parts that other programs may want.
export { runCommandLine } from './command-line.js';
export { OutputMatcher } from './output-matcher.js';
export { parseScript, type ScriptStep } from './script.js';
export { ScriptRunner, type ScriptRunnerOptions } from './script-runner.js';
