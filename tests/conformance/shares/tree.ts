// What is in a folder, as lines: names, kinds, permissions, contents, and which names are one file.
import * as fs from 'node:fs';
import { join } from 'node:path';
import { digestOf } from './stress-target.js';

/** One line for each file beneath a folder, in order. */
export function treeOf(folder: string): string[] {
  const lines: string[] = [];
  const firstNames = new Map<number, string>();
  const visit = (path: string): void => {
    for (const name of fs.readdirSync(join(folder, path)).sort()) {
      const each = join(path, name);
      const stats = fs.lstatSync(join(folder, each));
      const mode = (stats.mode & 0o7777).toString(8);
      const first = firstNames.get(stats.ino) ?? each;
      firstNames.set(stats.ino, first);
      if (stats.isDirectory()) {
        lines.push(`${each}/ ${mode}`);
        visit(each);
      } else {
        const contents = stats.isSymbolicLink()
          ? `-> ${fs.readlinkSync(join(folder, each))}`
          : `${mode} ${digestOf(fs.readFileSync(join(folder, each)))}`;
        lines.push(`${each} ${contents}, ${stats.nlink} links, first ${first}`);
      }
    }
  };
  visit('.');
  return lines;
}
