import { describe, expect, it } from 'vitest';
import { makeCable } from './cable.js';
import { capturePort } from './capture.js';
import { plainFrame } from './network-port.js';
import { findChecksum } from './offload.js';
import { pcapngHeader, pcapngInterface, pcapngPacket } from './pcapng.js';
import { checksumIsRight, tcpFrame } from './testing-frames.contract.js';
import { readPcapng } from './testing-pcapng.contract.js';

describe('pcapng', () => {
  it('says of each frame when it passed, where, which way, and all of its bytes', () => {
    const packets = [0, 1, 2, 3, 61].map((byteLength, i) => ({
      interfaceId: i % 2,
      timeNs: 1_764_000_000_123_456_789n + BigInt(i),
      isInbound: i % 3 === 0,
      bytes: Uint8Array.from({ length: byteLength }, (_, at) => at + i),
    }));
    const file = Buffer.concat([
      pcapngHeader(),
      ...['eth0', 'a longer name'].map(pcapngInterface),
      ...packets.map(pcapngPacket),
    ]);
    const read = readPcapng(file);
    expect(read.interfaces).toEqual(['eth0', 'a longer name']);
    expect(read.packets).toEqual(packets);
  });
});

describe('a captured port', () => {
  it('tells of both directions, with checksums, and changes nothing', () => {
    const [near, far] = makeCable();
    const seen: { bytes: Uint8Array; isInbound: boolean }[] = [];
    const port = capturePort(near, (bytes, isInbound) => seen.push({ bytes, isInbound }));
    const heard: unknown[] = [];
    far.listen((frame) => heard.push(frame));
    port.listen((frame) => heard.push(frame));
    const bytes = tcpFrame(4, 100);
    const unfinished = { ...plainFrame(bytes), missingChecksum: findChecksum(bytes) };
    const large = {
      ...unfinished,
      largeSegment: { protocol: 'tcp4' as const, size: 50 },
    };
    port.send(unfinished);
    far.send(large);
    expect(heard).toEqual([unfinished, large]);
    expect(seen.map(({ isInbound }) => isInbound)).toEqual([false, true]);
    expect(checksumIsRight(seen[0]?.bytes as Uint8Array)).toBe(true);
    expect(seen[1]?.bytes).toEqual(bytes);
    port.listen(null);
    far.send(large);
    expect(seen.length).toBe(2);
  });
});
