// The store's answers and events equal those recorded from xenstored, request by request.
import { XS_TRANSACTION_START, XS_WATCH_EVENT, xenstore_message_names } from '@proxeny/abi';
import { describe, expect, it } from 'vitest';
import { StoreGuest } from '../testing/store-guest.js';
import { controlAnswers, guestAnswers, type Recorded } from '../testing/xenstored-answers.js';
import { addConsole } from '../toolstack/console-entry.js';
import { writeDomainHome } from '../toolstack/domain-home.js';
import { StoreService } from './store-service.js';
import { bytesOf } from './store-text.js';
import { encodeMessage } from './wire.js';

const expand = (text: string) =>
  text
    .replace(/\{(\d+)(.)\}/g, (_, count, character) => character.repeat(Number(count)))
    .replaceAll('|', '\0');

function nameOf(type: number): string {
  return xenstore_message_names[type] ?? String(type);
}

function typeOf(name: string): number {
  const type = xenstore_message_names.indexOf(name);
  return type < 0 ? Number(name) : type;
}

/** Sends the requests in order; what came back for each, as it is recorded. */
function replay(guest: StoreGuest, rows: readonly Recorded[]): Recorded[] {
  let transaction = 0;
  return rows.map(([name, tx, payload]) => {
    let left = encodeMessage(
      typeOf(name),
      1,
      tx === 't' ? transaction : Number(tx),
      bytesOf(expand(payload)),
    );
    const back: string[] = [];
    for (let turns = 0; turns < 20; turns++) {
      left = left.subarray(guest.put(left));
      guest.port.send();
      for (const { type, text } of guest.take()) {
        if (type === XS_TRANSACTION_START) transaction = Number.parseInt(text, 10);
        const own =
          type === XS_TRANSACTION_START || nameOf(type) === 'DIRECTORY_PART'
            ? text.replace(/^\d+/, '#')
            : text;
        back.push(`${type === XS_WATCH_EVENT ? 'WATCH_EVENT' : nameOf(type)} ${own}`);
      }
    }
    return [name, tx, payload, ...back];
  });
}

const expected = (rows: readonly Recorded[]) =>
  rows.map(([name, tx, payload, ...back]) => [name, tx, payload, ...back.map(expand)]);

describe('what xenstored answers', () => {
  it('to a guest and to the control domain, so does the store', () => {
    const service = new StoreService();
    const client = service.client();
    client.write('/local/domain/0/name', 'Domain-0');
    client.make('/local/pool');
    service.addDomain(1);
    writeDomainHome(client, {
      id: 1,
      name: 'guest',
      uuid: 'ecbf78fe-ff55-4ea2-8796-166442be9e63',
      type: 'pv',
      memoryKiB: 262144,
      maxMemoryKiB: 262144,
      cpusOnline: [true],
      store: { port: 1, frame: 637441 },
      startTime: 0,
    });
    client.make('/libxl');
    addConsole(client, 1, { port: 2, frame: 637442 });
    const guest = new StoreGuest(service, 1);
    expect(replay(guest, guestAnswers)).toEqual(expected(guestAnswers));
    guest.ring.close();
    const domain1 = new StoreGuest(service, 1);
    const control = new StoreGuest(service, 0);
    expect(replay(control, controlAnswers)).toEqual(expected(controlAnswers));
    expect(domain1.ring.isBroken).toBe(false);
  });
});
