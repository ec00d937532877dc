// ControlClient: asks a machine that runs in another process (control-server.ts).
import { connect, type Socket } from 'node:net';
import { ControlError } from '../control-method.js';
import { machineNames, socketPath } from './control-folder.js';
import { JsonLineReader, jsonLine } from './json-lines.js';

interface Call {
  readonly onValue: (value: unknown) => void;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class ControlClient {
  readonly #socket: Socket;
  readonly #calls: Map<number, Call> = new Map();
  #nextId = 1;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const reader = new JsonLineReader((value) => this.#receive(value));
    socket.on('data', (bytes) => {
      try {
        reader.push(bytes);
      } catch (error) {
        socket.destroy(error as Error);
      }
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      for (const { reject } of this.#calls.values())
        reject(new ControlError('gone', 'the machine has ended'));
      this.#calls.clear();
    });
  }

  /**
   * Connects to machine `name`, or to the only one that runs.
   * @throws ControlError `not-found`, or `ambiguous` when several run and none is named
   */
  static async connect(folder: string, name?: string): Promise<ControlClient> {
    if (name !== undefined) {
      const socket = await open(socketPath(folder, name));
      if (socket) return new ControlClient(socket);
      throw new ControlError('not-found', `no machine '${name}' runs`);
    }
    const alive: { name: string; socket: Socket }[] = [];
    for (const each of await machineNames(folder)) {
      const socket = await open(socketPath(folder, each));
      if (socket) alive.push({ name: each, socket });
    }
    const [first] = alive;
    if (first && alive.length === 1) return new ControlClient(first.socket);
    for (const { socket } of alive) socket.destroy();
    if (!first) throw new ControlError('not-found', 'no machine runs');
    const names = alive.map((each) => each.name).join(', ');
    throw new ControlError('ambiguous', `several machines run: ${names}; name one`);
  }

  /**
   * Calls a method; `onValue` gets what it sends before its result. Aborting `signal` ends the call, which then resolves with null.
   * @throws ControlError with the method's code; `gone` when the machine ends meanwhile
   */
  call(
    method: string,
    params: unknown,
    onValue: (value: unknown) => void = () => {},
    signal?: AbortSignal,
  ): Promise<unknown> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) {
        reject(new ControlError('gone', 'the machine has ended'));
        return;
      }
      this.#calls.set(id, { onValue, resolve, reject });
      this.#socket.write(jsonLine({ id, method, params }));
      signal?.addEventListener('abort', () => {
        if (this.#calls.delete(id)) this.#socket.write(jsonLine({ id, cancel: true }));
        resolve(null);
      });
    });
  }

  #receive(line: unknown): void {
    const { id, value, result, error } = Object(line) as Record<string, unknown>;
    const call = this.#calls.get(Number(id));
    if (!call) return;
    if (value !== undefined) {
      call.onValue(value);
      return;
    }
    this.#calls.delete(Number(id));
    if (error === undefined) call.resolve(result);
    else {
      const { code, message } = Object(error) as Record<string, unknown>;
      call.reject(new ControlError(String(code), String(message)));
    }
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** A connection, or null if nobody listens. */
function open(path: string): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
    socket.once('error', () => resolve(null));
  });
}
