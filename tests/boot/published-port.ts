// Somebody who asks a guest at a port that is published on this host's loopback.
import { connect } from 'node:net';

export class PublishedPort {
  readonly #port: number;
  #isAsking = false;
  /** What the guest has said. */
  answer = '';

  constructor(port: number) {
    this.#port = port;
  }

  /** Told what the guest has printed: asks once it says that it listens, again and again, since it says so a moment before it does. */
  watch(text: string): void {
    if (this.#isAsking || !text.includes('LISTENING')) return;
    this.#isAsking = true;
    this.#ask();
  }
  /** Asks no more. */
  close(): void {
    this.#isAsking = false;
  }

  #ask(): void {
    const socket = connect(this.#port, '127.0.0.1', () => socket.write('hello\n'));
    socket.on('data', (bytes) => {
      this.answer += String(bytes);
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      if (this.answer === '' && this.#isAsking) setTimeout(() => this.#ask(), 200);
    });
  }
}
