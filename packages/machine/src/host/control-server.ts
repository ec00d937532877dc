// ControlServer: lets other processes of the same user ask a running machine. A call is a line {"id", "method", "params"}; back come lines
// {"id", "value"} while it goes on, and one {"id", "result"} or {"id", "error": {"code", "message"}}. {"id", "cancel": true} ends a call.
import { randomUUID } from 'node:crypto';
import { link, rename, unlink } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { ControlError, type ControlMethods } from '../control-method.js';
import { openControlFolder, socketPath } from './control-folder.js';
import { JsonLineReader, jsonLine } from './json-lines.js';
import { isListening } from './unix-socket.js';

/** A caller that does not read is cut off once this much waits for it. */
const BACKLOG_MAX_BYTES = 16 << 20;
const CALLS_MAX = 64;

export interface ControlServerOptions {
  readonly folder: string;
  /** The machine's name. */
  readonly name: string;
  /** What can be called now; asked for each call. */
  readonly methods: () => ControlMethods;
}

export class ControlServer {
  readonly #server: Server;
  readonly #path: string;
  readonly #connections: Set<Connection> = new Set();
  #isClosed = false;

  private constructor(server: Server, path: string, connections: Set<Connection>) {
    this.#server = server;
    this.#path = path;
    this.#connections = connections;
  }

  /**
   * Starts to listen. A socket that a dead process left is replaced.
   * @throws ControlError `bad-folder`, `bad-name`, or `name-in-use` by a machine that runs
   */
  static async listen({ folder, name, methods }: ControlServerOptions): Promise<ControlServer> {
    const path = socketPath(folder, name);
    await openControlFolder(folder);
    const connections = new Set<Connection>();
    const server = createServer((socket) => {
      const connection = new Connection(socket, methods);
      connections.add(connection);
      socket.on('close', () => connections.delete(connection));
    });
    // Under a name of its own first: a name that can be seen answers.
    const temporary = join(folder, randomUUID().slice(0, 13));
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) =>
        reject(new ControlError('bad-folder', `cannot listen in ${folder}: ${error.message}`)),
      );
      server.listen(temporary, resolve);
    });
    // A guest's process ends with its guest, whoever listens.
    server.unref();
    try {
      await claim(temporary, path, name);
    } catch (error) {
      server.close();
      throw error;
    } finally {
      await unlink(temporary).catch(() => {});
    }
    return new ControlServer(server, path, connections);
  }

  /** Takes the name away and ends all calls. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await unlink(this.#path).catch(() => {});
    this.#server.close();
    for (const connection of this.#connections) connection.close();
  }
}

/** Gives the socket `temporary` the name `path`, unless a live one has it. */
async function claim(temporary: string, path: string, name: string): Promise<void> {
  for (let attempts = 0; attempts < 10; attempts++) {
    try {
      return await link(temporary, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
        throw new ControlError('bad-folder', `cannot make ${path}: ${(error as Error).message}`);
    }
    if (await isListening(path))
      throw new ControlError(
        'name-in-use',
        `a machine '${name}' runs already; choose another name`,
      );
    // Another process may have claimed it just now: look again at what was moved away, and put it back if it answers.
    const aside = `${temporary}-old`;
    await rename(path, aside).catch(() => {});
    if (await isListening(aside)) await link(aside, path).catch(() => {});
    await unlink(aside).catch(() => {});
  }
  throw new ControlError('name-in-use', `the name '${name}' is disputed; choose another`);
}

/** One caller. Whatever it sends, only its own connection suffers. */
class Connection {
  readonly #socket: Socket;
  readonly #methods: () => ControlMethods;
  /** How to tell each running call that it is over. */
  readonly #calls: Map<unknown, () => void> = new Map();

  constructor(socket: Socket, methods: () => ControlMethods) {
    this.#socket = socket;
    this.#methods = methods;
    socket.unref();
    const reader = new JsonLineReader((value) => this.#receive(value));
    socket.on('data', (bytes) => {
      try {
        reader.push(bytes);
      } catch {
        this.close();
      }
    });
    socket.on('error', () => this.close());
    socket.on('close', () => this.#endCalls());
  }

  close(): void {
    this.#endCalls();
    this.#socket.end();
    this.#socket.destroySoon();
  }

  #endCalls(): void {
    for (const end of this.#calls.values()) end();
    this.#calls.clear();
  }

  #send(value: unknown): void {
    if (this.#socket.destroyed) return;
    this.#socket.write(jsonLine(value));
    if (this.#socket.writableLength > BACKLOG_MAX_BYTES) this.#socket.destroy();
  }

  #receive(value: unknown): void {
    const { id, method, params, cancel } = Object(value) as Record<string, unknown>;
    if (cancel === true) {
      this.#calls.get(id)?.();
      return;
    }
    void this.#call(id, method, params);
  }

  async #call(id: unknown, method: unknown, params: unknown): Promise<void> {
    let end = (): void => {};
    const closed = new Promise<void>((resolve) => {
      end = resolve;
    });
    try {
      if (this.#calls.has(id)) throw new ControlError('bad-call', 'a call with this id goes on');
      if (this.#calls.size >= CALLS_MAX) throw new ControlError('bad-call', 'too many calls');
      const name = String(method);
      const methods = this.#methods();
      const run = Object.hasOwn(methods, name) ? methods[name] : undefined;
      if (!run) throw new ControlError('no-method', `there is no method '${name}'`);
      this.#calls.set(id, end);
      const stream = { send: (value: unknown) => this.#send({ id, value }), closed };
      const result = await run(params, stream);
      this.#send({ id, result: result ?? null });
    } catch (error) {
      const code = error instanceof ControlError ? error.code : 'failed';
      const message = error instanceof Error ? error.message : String(error);
      this.#send({ id, error: { code, message } });
    } finally {
      if (this.#calls.get(id) === end) this.#calls.delete(id);
      end();
    }
  }
}
