import { describe, expect, it } from 'vitest';
import { deviceContract } from '../device/device.contract.js';
import * as C from '../spec/console.js';
import { MockDriver, type MockDriverOptions } from '../testing/mock-driver.js';
import { ConsoleDevice, type ConsolePortOptions } from './console-device.js';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Two ports: a console and a channel; what each printed. */
function attached(start: MockDriverOptions = {}) {
  const printed = ['', ''];
  const port = (index: number, more: Pick<ConsolePortOptions, 'name' | 'isConsole'>) => ({
    ...more,
    onOutput: (bytes: Uint8Array) => {
      printed[index] += new TextDecoder().decode(bytes);
    },
  });
  const device = new ConsoleDevice({
    ports: [port(0, { isConsole: true }), port(1, { isConsole: false, name: 'org.agent.0' })],
  });
  const driver = new MockDriver(device).start(start);
  const say = (id: number, event: number, value: number): void => {
    const view = new DataView(new ArrayBuffer(C.CONSOLE_CONTROL_BYTES));
    view.setUint32(0, id, true);
    view.setUint16(4, event, true);
    view.setUint16(6, value, true);
    driver.add(3, [driver.range(new Uint8Array(view.buffer))]);
  };
  /** The device's next messages: port, event, value, more. */
  const rooms: { at: number; byteLength: number }[] = [];
  const messages = (): (string | number)[][] => {
    const heard: (string | number)[][] = [];
    for (let used = driver.queues[2].take(); used; used = driver.queues[2].take()) {
      const room = rooms.shift();
      if (!room) throw new Error('no buffer');
      const view = new DataView(driver.bytes(room).buffer, 0, used.written);
      const more = new TextDecoder('latin1').decode(
        new Uint8Array(view.buffer, C.CONSOLE_CONTROL_BYTES, used.written - 8),
      );
      heard.push([
        view.getUint32(0, true),
        view.getUint16(4, true),
        view.getUint16(6, true),
        ...(more ? [more] : []),
      ]);
    }
    return heard;
  };
  const listen = (count: number): void => {
    for (let i = 0; i < count; i++) {
      const room = driver.range(64);
      rooms.push(room);
      driver.add(2, [], [room]);
    }
  };
  return { device, driver, listen, messages, printed, say };
}

const silent: ConsolePortOptions = { isConsole: true, onOutput: () => {} };
deviceContract('a console of one port', () => new ConsoleDevice({ ports: [silent] }));
deviceContract('a console of three ports', () => {
  const device = new ConsoleDevice({ ports: [silent, silent, { ...silent, name: 'x' }] });
  device.send(0, bytesOf('hello'));
  return device;
});

describe('a console device', () => {
  it('prints what the driver writes, and gives it what is typed, as far as it has room', () => {
    const { device, driver, printed } = attached({ features: 0n });
    driver.add(1, [driver.range(bytesOf('log')), driver.range(bytesOf('in: '))]);
    expect(printed).toEqual(['login: ', '']);
    expect(driver.queues[1].take()?.written).toBe(0);
    const rooms = [4, 10].map((byteLength) => driver.range(byteLength));
    driver.add(0, [], [rooms[0]]);
    device.send(0, bytesOf('ro'));
    expect(device.queuedInput(0)).toBe(0);
    expect(driver.queues[0].take()?.written).toBe(2);
    device.send(0, bytesOf('ot'));
    device.send(0, bytesOf('\nsecret'));
    expect(device.queuedInput(0)).toBe(9);
    driver.add(0, [], [rooms[0]]);
    driver.add(0, [], [rooms[1]]);
    expect([driver.queues[0].take()?.written, driver.queues[0].take()?.written]).toEqual([4, 5]);
    expect(new TextDecoder().decode(driver.bytes(rooms[0]))).toBe('ot\ns');
    expect(device.queuedInput(0)).toBe(0);
    expect(device.isOpen(0)).toBe(true);
  });

  it('introduces its ports to a driver of several', () => {
    const { device, driver, listen, messages, printed, say } = attached();
    listen(3);
    say(0, C.VIRTIO_CONSOLE_DEVICE_READY, 1);
    expect(messages()).toEqual([
      [0, C.VIRTIO_CONSOLE_PORT_ADD, 1],
      [1, C.VIRTIO_CONSOLE_PORT_ADD, 1],
    ]);
    say(0, C.VIRTIO_CONSOLE_PORT_READY, 1);
    say(1, C.VIRTIO_CONSOLE_PORT_READY, 1);
    listen(8);
    expect(messages()).toEqual([
      [0, C.VIRTIO_CONSOLE_CONSOLE_PORT, 1],
      [0, C.VIRTIO_CONSOLE_RESIZE, 0, 'P\0\x19\0'],
      [0, C.VIRTIO_CONSOLE_PORT_OPEN, 1],
      [1, C.VIRTIO_CONSOLE_PORT_NAME, 1, 'org.agent.0'],
      [1, C.VIRTIO_CONSOLE_PORT_OPEN, 1],
    ]);
    expect([device.isOpen(0), device.isOpen(1)]).toEqual([false, false]);
    say(1, C.VIRTIO_CONSOLE_PORT_OPEN, 1);
    expect(device.isOpen(1)).toBe(true);
    driver.add(5, [driver.range(bytesOf('pong'))]);
    expect(printed).toEqual(['', 'pong']);
    const room = driver.range(10);
    driver.add(4, [], [room]);
    device.send(1, bytesOf('ping'));
    expect(driver.queues[4].take()?.written).toBe(4);
    device.resize(132, 43);
    expect(messages()).toEqual([[0, C.VIRTIO_CONSOLE_RESIZE, 0, '\x84\0+\0']]);
    expect(driver.registers.readConfig(C.CONSOLE_CONFIG_COLS, 4)).toBe(132 | (43 << 16));
    say(1, C.VIRTIO_CONSOLE_PORT_OPEN, 0);
    say(7, C.VIRTIO_CONSOLE_PORT_OPEN, 1);
    say(7, C.VIRTIO_CONSOLE_PORT_READY, 1);
    say(0, 99, 1);
    expect([device.isOpen(1), messages()]).toEqual([false, []]);
  });

  it('keeps a bounded number of messages for a driver that does not listen', () => {
    const { driver, listen, messages, say } = attached();
    for (let i = 0; i < 1000; i++) {
      say(0, C.VIRTIO_CONSOLE_DEVICE_READY, 1);
      driver.queues[3].take();
    }
    let heard = 0;
    for (let i = 0; i < 1000; i++) {
      listen(1);
      heard += messages().length;
    }
    expect(heard).toBe(256);
  });

  it('has the driver wait while its end takes no more, and loses nothing', () => {
    let printed = '';
    let isReady = true;
    const onOutput = (bytes: Uint8Array): void => {
      printed += new TextDecoder().decode(bytes);
      isReady = false;
    };
    const device = new ConsoleDevice({
      ports: [{ isConsole: true, onOutput, isReady: () => isReady }],
    });
    const driver = new MockDriver(device).start();
    for (const text of ['one ', 'two ', 'three']) driver.add(1, [driver.range(bytesOf(text))]);
    expect([printed, device.holdsOutput]).toEqual(['one ', true]);
    expect(driver.queues[1].take()?.written).toBe(0);
    expect(driver.queues[1].take()).toBe(null);
    device.resumeOutput();
    expect(printed).toBe('one ');
    for (let i = 0; i < 2; i++) {
      isReady = true;
      device.resumeOutput();
    }
    expect([printed, device.holdsOutput]).toEqual(['one two three', false]);
    expect([driver.queues[1].take()?.written, driver.queues[1].take()?.written]).toEqual([0, 0]);
  });

  it.each(['alive', 'saved and restored'])(
    'prints buffers that name the same bytes many times bit by bit, %s',
    (how) => {
      let printedBytes = 0;
      const isRight: boolean[] = [];
      const onOutput = (bytes: Uint8Array): void => {
        isRight.push(bytes.every((byte, i) => byte === ((printedBytes + i) & 0xff)));
        printedBytes += bytes.length;
      };
      const make = (): ConsoleDevice =>
        new ConsoleDevice({ ports: [{ isConsole: true, onOutput }] });
      let device = make();
      let driver = new MockDriver(device).start();
      const piece = driver.range(Uint8Array.from({ length: 65_536 }, (_, i) => i & 0xff));
      driver.add(1, new Array(60).fill(piece));
      for (let slice = 1; device.holdsOutput; slice++) {
        expect(printedBytes).toBe(slice * 256 * 1024);
        if (how !== 'alive') {
          const state = structuredClone(driver.registers.save());
          device = make();
          const next = new MockDriver(device);
          next.memory.bytes.set(driver.memory.bytes);
          next.registers.restore(state);
          driver = next;
        } else device.resumeOutput();
      }
      expect(printedBytes).toBe(60 * 65_536);
      expect(isRight).not.toContain(false);
    },
  );

  it('takes emergency writes from a driver without queues', () => {
    const { driver, printed } = attached({ features: 0n });
    driver.registers.setStatus(0);
    driver.registers.writeConfig(C.CONSOLE_CONFIG_EMERG_WR, 4, 0x21);
    expect(printed).toEqual(['!', '']);
  });
});
