// P9Client: asks a 9P server over virtio, as Linux' client does.
import { type FileSystem, P9Device } from '@proxeny/virtio';
import { type ClientAttributes, ClientError, type FileClient } from './file-client.js';
import { AnswerBytes, MessageBytes } from './message-bytes.js';
import { MessageDriver } from './message-driver.js';

const NO_FID = 0xffff_ffff;
const MSIZE = 65536;
const O_RDWR = 2;

export class P9Client implements FileClient {
  readonly root = 0;
  readonly #driver: MessageDriver;
  #nextFid = 1;

  constructor(files: FileSystem, isPacked: boolean) {
    this.#driver = new MessageDriver(new P9Device({ tag: 'stress', files }), isPacked);
    this.#ask(100, (m) => m.u32(MSIZE).text('9P2000.L'));
    this.#ask(104, (m) => m.u32(this.root, NO_FID).text('root').text('').u32(0));
  }

  lookup(directory: number, name: string): number {
    const fid = this.#nextFid++;
    this.#ask(110, (m) => m.u32(directory, fid).u16(1).text(name));
    return fid;
  }

  forget(node: number): void {
    if (node !== this.root) this.close(node);
  }

  attributes(node: number): ClientAttributes {
    const answer = this.#ask(24, (m) => m.u32(node).u64(0x7ff));
    answer.at += 8 + 13;
    const mode = answer.u32();
    answer.at += 8;
    const links = answer.u64();
    answer.at += 8;
    return { mode, links, size: answer.u64() };
  }

  chmod(node: number, mode: number): void {
    this.#ask(26, (m) => m.u32(node, 1, mode, 0, 0).u64(0, 0, 0, 0, 0));
  }

  truncate(node: number, size: number): void {
    this.#ask(26, (m) => m.u32(node, 8, 0, 0, 0).u64(size, 0, 0, 0, 0));
  }

  create(directory: number, name: string, mode: number): { node: number; file: number } {
    const file = this.#clone(directory);
    try {
      this.#ask(14, (m) => m.u32(file).text(name).u32(O_RDWR, mode, 0));
    } catch (error) {
      this.close(file);
      throw error;
    }
    return { node: this.#clone(file), file };
  }

  openFile(node: number): number {
    const file = this.#clone(node);
    this.#ask(12, (m) => m.u32(file, O_RDWR));
    return file;
  }

  read(file: number, offset: number, count: number): Uint8Array {
    const answer = this.#ask(116, (m) => m.u32(file).u64(offset).u32(count));
    return answer.bytes(answer.u32());
  }

  write(file: number, offset: number, bytes: Uint8Array): number {
    return this.#ask(118, (m) => m.u32(file).u64(offset).u32(bytes.length).bytes(bytes)).u32();
  }

  close(file: number): void {
    this.#ask(120, (m) => m.u32(file));
  }

  makeDirectory(directory: number, name: string, mode: number): void {
    this.#ask(72, (m) => m.u32(directory).text(name).u32(mode, 0));
  }

  makeSymlink(directory: number, name: string, target: string): void {
    this.#ask(16, (m) => m.u32(directory).text(name).text(target).u32(0));
  }

  readLink(node: number): string {
    return this.#ask(22, (m) => m.u32(node)).text();
  }

  link(node: number, directory: number, name: string): void {
    this.#ask(70, (m) => m.u32(directory, node).text(name));
  }

  rename(directory: number, name: string, to: number, toName: string): void {
    this.#ask(74, (m) => m.u32(directory).text(name).u32(to).text(toName));
  }

  remove(directory: number, name: string, isDirectory: boolean): void {
    this.#ask(76, (m) =>
      m
        .u32(directory)
        .text(name)
        .u32(isDirectory ? 0x200 : 0),
    );
  }

  list(directory: number): { name: string; type: number }[] {
    const fid = this.#clone(directory);
    this.#ask(12, (m) => m.u32(fid, 0));
    const entries: { name: string; type: number }[] = [];
    for (let offset = 0, isMore = true; isMore; ) {
      const answer = this.#ask(40, (m) => m.u32(fid).u64(offset).u32(400));
      isMore = answer.u32() > 0;
      while (!answer.isAtEnd) {
        answer.at += 13;
        offset = answer.u64();
        const type = answer.u8();
        entries.push({ type, name: answer.text() });
      }
    }
    this.close(fid);
    return entries;
  }

  #clone(node: number): number {
    const fid = this.#nextFid++;
    this.#ask(110, (m) => m.u32(node, fid).u16(0));
    return fid;
  }

  #ask(type: number, add: (message: MessageBytes) => MessageBytes): AnswerBytes {
    const message = add(new MessageBytes().u32(0).u8(type).u16(1)).finished();
    const answer = new AnswerBytes(this.#driver.ask(0, message), 4);
    const answered = answer.u8();
    answer.u16();
    if (answered === 7) throw new ClientError(answer.u32());
    if (answered !== type + 1) throw new Error(`message ${type} was answered by ${answered}`);
    return answer;
  }
}
