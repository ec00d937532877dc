// The helper's thread: compiles the regions that it is asked for, one question after another, and says what each took.
import { type MessagePort, workerData } from 'node:worker_threads';
import {
  type CompileAnswer,
  type CompileQuestion,
  CompileServer,
} from '@proxeny/vcpu-x86/compiler';

export interface WorkerReply {
  readonly answer: CompileAnswer;
  /** What it took. */
  readonly busyMs: number;
}

const port = workerData as MessagePort;
const server = new CompileServer();
port.on('message', (question: CompileQuestion) => {
  const started = performance.now();
  const answer = server.answer(question);
  const reply: WorkerReply = { answer, busyMs: performance.now() - started };
  port.postMessage(reply, [answer.bytes.buffer]);
});
