// FileDisk: a raw disk image in a file of the host.
import { RawDisk, type RawDiskOptions } from '../storage/raw-disk.js';
import { HostFile } from './host-file.js';

export interface FileDiskOptions extends RawDiskOptions {
  readonly isReadOnly?: boolean;
}

export class FileDisk extends RawDisk {
  readonly path: string;

  private constructor(file: HostFile, options: FileDiskOptions) {
    super(file, options);
    this.path = file.name;
  }

  /**
   * Opens an image, alone if it is to be written.
   * @throws BlockError `not-found`, `locked`, `bad-image` or `io`; the message names the path and what to do.
   */
  static async open(path: string, options: FileDiskOptions = {}): Promise<FileDisk> {
    const file = await HostFile.open(path, { isReadOnly: options.isReadOnly ?? false });
    try {
      return new FileDisk(file, options);
    } catch (error) {
      await file.close();
      throw error;
    }
  }
}
