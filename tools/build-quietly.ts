// The build half of `npm start`: says nothing unless it fails, so the guest has the terminal to itself.
import { buildPackages } from './build-packages.js';

const failure = buildPackages();
if (failure !== '') {
  process.stderr.write(`npm start: ${failure}\n`);
  process.exitCode = 1;
}
