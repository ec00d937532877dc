// FileClient: what a client of a shared folder can ask for, whatever the protocol; errors are ClientErrors.

/** The server refused, with Linux' number. */
export class ClientError extends Error {
  readonly errno: number;
  constructor(errno: number) {
    super(`errno ${errno}`);
    this.errno = errno;
  }
}

export interface ClientAttributes {
  readonly mode: number;
  readonly size: number;
  readonly links: number;
}

/** Nodes and open files are numbers, which the client has until it lets go of them. */
export interface FileClient {
  /** The folder's own node. */
  readonly root: number;
  lookup(directory: number, name: string): number;
  forget(node: number): void;
  attributes(node: number): ClientAttributes;
  chmod(node: number, mode: number): void;
  truncate(node: number, size: number): void;
  create(directory: number, name: string, mode: number): { node: number; file: number };
  openFile(node: number): number;
  read(file: number, offset: number, count: number): Uint8Array;
  write(file: number, offset: number, bytes: Uint8Array): number;
  close(file: number): void;
  makeDirectory(directory: number, name: string, mode: number): void;
  makeSymlink(directory: number, name: string, target: string): void;
  readLink(node: number): string;
  link(node: number, directory: number, name: string): void;
  rename(directory: number, name: string, to: number, toName: string): void;
  remove(directory: number, name: string, isDirectory: boolean): void;
  /** Names and DT_ numbers. */
  list(directory: number): { name: string; type: number }[];
}
