// `proxeny disk`: makes disk images, looks into them, copies and changes them.
import type { Command } from 'commander';
import { addCheckVerb } from './disk/check.js';
import { addConvertVerb } from './disk/convert.js';
import { addCreateVerb } from './disk/create.js';
import { addInfoVerb } from './disk/info.js';
import { addResizeVerb } from './disk/resize.js';
import { addSnapshotVerbs } from './disk/snapshot.js';

export function addDiskCommand(program: Command, finish: (exitCode: number) => void): void {
  const disk = program
    .command('disk')
    .description('make, copy, change and look into disk images: raw and qcow2');
  addCreateVerb(disk);
  addInfoVerb(disk);
  addConvertVerb(disk);
  addSnapshotVerbs(disk);
  addCheckVerb(disk, finish);
  addResizeVerb(disk);
}
