// Writes what is generated from packages/abi: its C headers (include/) and the list of names in its index.
// Run by `npm run generate` in packages/abi; tests fail while it is due.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { families, scalars } from '../packages/abi/src/c-header/families.js';
import { familyHeader, scalarHeader } from '../packages/abi/src/c-header/header-text.js';

const source = fileURLToPath(new URL('../packages/abi/src/', import.meta.url));
const include = join(source, '../include/proxeny-xen');

rmSync(include, { recursive: true, force: true });
mkdirSync(include, { recursive: true });
writeFileSync(join(include, 'scalar.h'), scalarHeader(scalars.exports));
for (const family of families) {
  const text = readFileSync(join(source, `${family.name}.ts`), 'utf8');
  writeFileSync(join(include, `${family.name}.h`), familyHeader(family, text));
}

let index =
  '// The public names of @proxeny/abi, by family. The list is written by `npm run generate`.\n';
for (const file of readdirSync(source).sort()) {
  if (!file.endsWith('.ts') || file.endsWith('.test.ts') || file === 'index.ts') continue;
  const text = readFileSync(join(source, file), 'utf8');
  const names = [...text.matchAll(/^export (?:(interface|type) |const |function )(\w+)/gm)].map(
    ([, type, name]) => (type ? `type ${name}` : `${name}`),
  );
  index += `export { ${names.join(', ')} } from './${file.replace(/\.ts$/, '.js')}';\n`;
}
writeFileSync(join(source, 'index.ts'), index);
