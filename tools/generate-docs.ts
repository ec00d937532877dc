// Writes the generated documents (npm run docs). tests/contracts/generated-documents.test.ts fails when one is out of date.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hypercallDocument } from './hypercall-document.js';
import { instructionDocument } from './instruction-document.js';

const root = join(fileURLToPath(import.meta.url), '..', '..');

/** Documents by path from the root of the repository. */
export const generatedDocuments: Readonly<Record<string, () => string>> = {
  'docs/hypercalls.md': hypercallDocument,
  'docs/instructions.md': instructionDocument,
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [path, text] of Object.entries(generatedDocuments)) {
    writeFileSync(join(root, path), text());
    console.log(path);
  }
}
