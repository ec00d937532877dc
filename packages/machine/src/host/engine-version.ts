// Which compiler made a piece of compiled code: a hash of the CPU package's own code. Nobody has to remember to count a version up.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

let known: string | null | undefined;

/** Null: the package's files are not to be found (it was bundled into something else). */
export function engineVersion(): string | null {
  known ??= computed();
  return known;
}

function computed(): string | null {
  try {
    const folder = dirname(createRequire(import.meta.url).resolve('@proxeny/vcpu-x86'));
    const hash = createHash('sha256');
    for (const name of [...codeIn(folder)].sort())
      hash.update(name).update(readFileSync(join(folder, name)));
    return hash.digest('hex');
  } catch {
    return null;
  }
}

/** Paths of its code from `root` on. Node's own recursive listing takes six times as long. */
function* codeIn(root: string, folder = ''): Generator<string> {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* codeIn(root, path);
    else if (isCode(entry.name)) yield path;
  }
}
const isCode = (name: string): boolean =>
  /\.[jt]s$/.test(name) && !/\.(d|test|contract)\.ts$/.test(name);
