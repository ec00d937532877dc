// `proxeny disk snapshot`: what a disk held, kept in its image.
import {
  applySnapshot,
  createSnapshot,
  deleteSnapshot,
  type Qcow2Image,
} from '@proxeny/machine/pc';
import type { Command } from 'commander';
import { CommandError } from '../../command-error.js';
import { sizeText } from './image-format.js';
import { snapshotInfo } from './info.js';
import { withQcow2 } from './qcow2-action.js';

export function addSnapshotVerbs(disk: Command): void {
  const snapshot = disk
    .command('snapshot')
    .description('keep and bring back what a qcow2 disk holds');
  snapshot
    .command('ls')
    .description('list the snapshots in an image')
    .argument('<file>')
    .option('--json', 'print JSON')
    .action(async (path: string, options: { json?: true }) => {
      const snapshots = await withQcow2(path, true, async (image) =>
        image.snapshots.map(snapshotInfo),
      );
      const lines = snapshots.map(
        ({ id, name, date, diskBytes }) => `${id}\t${name}\t${date}\t${sizeText(diskBytes)}\n`,
      );
      process.stdout.write(
        options.json
          ? `${JSON.stringify({ apiVersion: 1, snapshots }, null, 1)}\n`
          : lines.join(''),
      );
    });
  const verb = (
    name: string,
    description: string,
    action: (image: Qcow2Image, snapshot: string) => Promise<unknown>,
  ): void => {
    snapshot
      .command(name)
      .description(description)
      .argument('<file>')
      .argument('<name>')
      .action(async (path: string, snapshotName: string) => {
        await withQcow2(path, false, async (image) => {
          checkGood(image);
          await action(image, snapshotName);
        });
      });
  };
  verb('create', 'keep what the disk holds now', (image, name) =>
    createSnapshot(image, { name, nowMs: Date.now() }),
  );
  verb('apply', 'give the disk what a snapshot holds; what it holds now is lost', applySnapshot);
  verb('delete', 'forget a snapshot', deleteSnapshot);
}

function checkGood(image: Qcow2Image): void {
  if (image.header.isCorrupt)
    throw new CommandError(
      `${image.file.name}: the image is marked as corrupt: use proxeny disk check --repair first`,
    );
}
