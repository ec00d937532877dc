// `--trace hypercalls[,FILE][,only=NAME…]`: each hypercall of a guest of Xen as a line of JSON.
import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { HypercallTrace, type TracedCall } from '@proxeny/machine/xen';
import { CommandError, usageError } from './command-error.js';

const API_VERSION = 'proxeny/v1';

/** An open trace. */
export interface OpenTrace {
  readonly observer: HypercallTrace;
  close(): Promise<void>;
}

/** @throws CommandError for what cannot be traced or written */
export async function openTrace(text: string): Promise<OpenTrace> {
  const [what, ...rest] = text.split(',');
  if (what !== 'hypercalls') throw usageError(`--trace '${text}': only hypercalls can be traced`);
  const filter = rest.filter((part) => part.startsWith('only=')).map((part) => part.slice(5));
  const [file, ...more] = rest.filter((part) => !part.startsWith('only='));
  if (more.length > 0) throw usageError(`--trace '${text}' names two files`);
  const stream = file === undefined ? process.stderr : await openFile(file);
  stream.write(`${JSON.stringify({ apiVersion: API_VERSION, kind: 'HypercallTrace' })}\n`);
  const observer = new HypercallTrace({
    filter,
    onCall: (call) => {
      stream.write(`${JSON.stringify(lineOf(call))}\n`);
    },
  });
  return {
    observer,
    close: async () => {
      if (stream === process.stderr) return;
      stream.end();
      await once(stream, 'finish');
    },
  };
}

function lineOf({ name, operation, arguments: values, ...rest }: TracedCall): object {
  return {
    time: Math.round(rest.timeNs),
    duration: Math.round(rest.durationNs),
    domain: rest.domain,
    vcpu: rest.vcpu,
    hypercall: name,
    ...(operation === null ? {} : { operation }),
    ...(rest.isInMulticall ? { multicall: true } : {}),
    arguments: values,
    result: rest.result,
  };
}

async function openFile(path: string): Promise<WriteStream> {
  const stream = createWriteStream(path);
  try {
    await once(stream, 'open');
  } catch (error) {
    throw new CommandError(`--trace '${path}' cannot be written: ${(error as Error).message}`);
  }
  return stream;
}
