// FuseClient: asks a FUSE server over virtio, as Linux' client does.
import { type FileSystem, FsDevice } from '@proxeny/virtio';
import { type ClientAttributes, ClientError, type FileClient } from './file-client.js';
import { AnswerBytes, MessageBytes } from './message-bytes.js';
import { MessageDriver } from './message-driver.js';

/** Queues. */
const URGENT = 0;
const REQUESTS = 1;
const O_RDWR = 2;
const DO_READDIRPLUS = 1 << 13;

export class FuseClient implements FileClient {
  readonly root = 1;
  readonly #driver: MessageDriver;
  #unique = 0;
  #lists = 0;

  constructor(files: FileSystem, isPacked: boolean) {
    this.#driver = new MessageDriver(new FsDevice({ tag: 'stress', files }), isPacked);
    const answer = this.#ask(26, 0, (m) => m.u32(7, 36, 65536, DO_READDIRPLUS));
    const agreed = [answer.u32(), answer.u32(), answer.u32(), answer.u32()];
    if (agreed.join() !== `7,31,65536,${DO_READDIRPLUS}`) throw new Error(`agreed on ${agreed}`);
  }

  lookup(directory: number, name: string): number {
    return this.#ask(1, directory, (m) => m.terminated(name)).u64();
  }

  /** One at a time, or by a list. */
  forget(node: number): void {
    const isList = node % 2 === 0;
    const message = isList
      ? this.#message(42, 0).u32(1, 0).u64(node, 1)
      : this.#message(2, node).u64(1);
    const answer = this.#driver.ask(URGENT, message.finished());
    if (answer.length > 0) throw new Error('FORGET was answered');
  }

  attributes(node: number): ClientAttributes {
    const answer = this.#ask(3, node, (m) => m.u32(0, 0).u64(0));
    answer.at += 24;
    const size = answer.u64();
    answer.at += 44;
    const mode = answer.u32();
    return { mode, size, links: answer.u32() };
  }

  chmod(node: number, mode: number): void {
    this.#change(node, 1, 0, mode);
  }

  truncate(node: number, size: number): void {
    this.#change(node, 8, size, 0);
  }

  create(directory: number, name: string, mode: number): { node: number; file: number } {
    const answer = this.#ask(35, directory, (m) => m.u32(O_RDWR, mode, 0, 0).terminated(name));
    const node = answer.u64();
    answer.at += 120;
    return { node, file: answer.u64() };
  }

  openFile(node: number): number {
    return this.#ask(14, node, (m) => m.u32(O_RDWR, 0)).u64();
  }

  read(file: number, offset: number, count: number): Uint8Array {
    return this.#ask(15, 0, (m) => m.u64(file, offset).u32(count, 0).u64(0).u32(0, 0)).rest();
  }

  write(file: number, offset: number, bytes: Uint8Array): number {
    const ask = (m: MessageBytes): MessageBytes =>
      m.u64(file, offset).u32(bytes.length, 0).u64(0).u32(0, 0).bytes(bytes);
    return this.#ask(16, 0, ask).u32();
  }

  close(file: number): void {
    this.#ask(25, 0, (m) => m.u64(file, 0, 0));
    this.#release(file);
  }

  makeDirectory(directory: number, name: string, mode: number): void {
    this.forget(this.#ask(9, directory, (m) => m.u32(mode, 0).terminated(name)).u64());
  }

  makeSymlink(directory: number, name: string, target: string): void {
    this.forget(this.#ask(6, directory, (m) => m.terminated(name).terminated(target)).u64());
  }

  readLink(node: number): string {
    return new TextDecoder().decode(this.#ask(5, node, (m) => m).rest());
  }

  link(node: number, directory: number, name: string): void {
    this.forget(this.#ask(13, directory, (m) => m.u64(node).terminated(name)).u64());
  }

  rename(directory: number, name: string, to: number, toName: string): void {
    this.#ask(45, directory, (m) => m.u64(to, 0).terminated(name).terminated(toName));
  }

  remove(directory: number, name: string, isDirectory: boolean): void {
    this.#ask(isDirectory ? 11 : 10, directory, (m) => m.terminated(name));
  }

  /** With attributes every other time. */
  list(directory: number): { name: string; type: number }[] {
    const isPlus = this.#lists++ % 2 === 0;
    const file = this.#ask(27, directory, (m) => m.u32(0, 0)).u64();
    const entries: { name: string; type: number }[] = [];
    for (let offset = 0, isMore = true; isMore; ) {
      const opcode = isPlus ? 44 : 28;
      const answer = this.#ask(opcode, directory, (m) =>
        m.u64(file, offset).u32(700, 0).u64(0).u32(0, 0),
      );
      isMore = !answer.isAtEnd;
      while (!answer.isAtEnd) {
        if (isPlus) this.#learn(answer);
        answer.at += 8;
        offset = answer.u64();
        const byteLength = answer.u32();
        const type = answer.u32();
        entries.push({ type, name: answer.text(byteLength) });
        answer.at = (answer.at + 7) & ~7;
      }
    }
    this.#release(file);
    return entries;
  }

  /** A node that came with a directory's entry. */
  #learn(answer: AnswerBytes): void {
    const node = answer.u64();
    answer.at += 120;
    if (node !== 0) this.forget(node);
  }

  #release(file: number): void {
    this.#ask(18, 0, (m) => m.u64(file).u32(0, 0).u64(0));
  }

  #change(node: number, valid: number, size: number, mode: number): void {
    this.#ask(4, node, (m) =>
      m.u32(valid, 0).u64(0, size, 0, 0, 0, 0).u32(0, 0, 0, mode, 0, 0, 0, 0),
    );
  }

  #message(opcode: number, node: number): MessageBytes {
    return new MessageBytes()
      .u32(0, opcode)
      .u64(++this.#unique, node)
      .u32(0, 0, 0, 0);
  }

  #ask(opcode: number, node: number, add: (message: MessageBytes) => MessageBytes): AnswerBytes {
    const message = add(this.#message(opcode, node)).finished();
    const bytes = this.#driver.ask(REQUESTS, message);
    const answer = new AnswerBytes(bytes, 0);
    const [byteLength, error] = [answer.u32(), answer.u32() | 0];
    if (byteLength !== bytes.length || answer.u64() !== this.#unique)
      throw new Error(`request ${opcode} was answered wrongly`);
    if (error !== 0) throw new ClientError(-error);
    return answer;
  }
}
