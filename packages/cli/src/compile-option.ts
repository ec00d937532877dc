// `--compile`: on which thread a guest's hot code is compiled.
import { processLibrary, WorkerCompiler } from '@proxeny/machine/pc';
import { type Command, Option } from 'commander';

const places = ['thread', 'worker'] as const;

export interface CompileOptions {
  readonly compile: (typeof places)[number];
}

export const addCompileOption = (command: Command): Command =>
  command.addOption(
    new Option(
      '--compile <where>',
      "hot code: thread, on the guest's thread and always at the same instruction; worker, beside the guest, which needs a second processor",
    )
      .choices(places)
      .default('thread'),
  );

/** The process's helper while guests run; null: they compile themselves. */
export function employCompiler({ compile }: CompileOptions): WorkerCompiler | null {
  const helper = compile === 'worker' ? WorkerCompiler.start() : null;
  if (helper) processLibrary.help.employ(helper);
  return helper;
}

/** Compiled code stays; nothing more comes. */
export async function dismissCompiler(helper: WorkerCompiler | null): Promise<void> {
  if (!helper) return;
  processLibrary.help.employ(null);
  await helper.close();
}
