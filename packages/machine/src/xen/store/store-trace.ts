// Lines of a trace of the store: `READ name -> guest`, `READ nothing -> ENOENT`, `WATCH_EVENT device token`. A zero byte is a space, and
// other bytes that are not printable are escaped: a guest's values must not command a terminal.
import { xenstore_message_names } from '@proxeny/abi';
import type { StoreObserver } from './store.js';
import { textOf } from './store-text.js';

function shown(text: string): string {
  return text
    .replace(/\0$/, '')
    .replaceAll('\0', ' ')
    .replace(/[^ -~]|\\/g, (byte) => `\\${byte.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

/** An observer that turns everything into lines. */
export function storeTrace(onLine: (domain: number, line: string) => void): StoreObserver {
  return {
    request: (domain, type, payload, _answerType, answer) => {
      const name = xenstore_message_names[type] ?? String(type);
      onLine(domain, `${name} ${shown(textOf(payload))} -> ${shown(textOf(answer))}`);
    },
    event: (domain, path, token) => onLine(domain, `WATCH_EVENT ${shown(path)} ${shown(token)}`),
  };
}
