import { describe, expect, it } from 'vitest';
import { internetHeaders, viewOf } from './internet-headers.js';
import { type EthernetFrame, plainFrame } from './network-port.js';
import { fillChecksum, findChecksum, finishFrame } from './offload.js';
import { checksumIsRight, tcpFrame, udpFrame } from './testing-frames.contract.js';

const nothing = { checksum: false, tcp4: false, tcp6: false };
const all = { checksum: true, tcp4: true, tcp6: true };

describe('a missing checksum', () => {
  it.each([4, 6] as const)('is found in TCP and UDP over IPv%i, and filled in', (version) => {
    for (const bytes of [tcpFrame(version, 1001), udpFrame(version, 64)]) {
      const missingChecksum = findChecksum(bytes);
      expect(missingChecksum?.start).toBe(version === 4 ? 34 : 54);
      const frame = fillChecksum({ ...plainFrame(bytes), missingChecksum });
      expect(checksumIsRight(frame.bytes)).toBe(true);
      expect(checksumIsRight(bytes)).toBe(false);
    }
  });

  it('is not looked for in what has none, is cut short, or is a later fragment', () => {
    expect(findChecksum(new Uint8Array(0))).toBeNull();
    expect(findChecksum(new Uint8Array(60))).toBeNull();
    const bytes = tcpFrame(4, 100);
    for (let length = 0; length < 52; length++)
      expect(findChecksum(bytes.subarray(0, length))).toBeNull();
    const fragment = bytes.slice();
    viewOf(fragment).setUint16(20, 0x2010);
    expect(findChecksum(fragment)).toBeNull();
    const icmp = bytes.slice();
    icmp[23] = 1;
    expect(findChecksum(icmp)).toBeNull();
    const shortHeader = bytes.slice();
    shortHeader[14] = 0x42;
    expect(findChecksum(shortHeader)).toBeNull();
  });

  it('is found behind a VLAN tag and extension headers of IPv6', () => {
    const plain = tcpFrame(4, 10);
    const tagged = new Uint8Array(plain.length + 4);
    tagged.set(plain.subarray(0, 12));
    tagged.set([0x81, 0, 0, 7], 12);
    tagged.set(plain.subarray(12), 16);
    expect(findChecksum(tagged)).toEqual({ start: 38, offset: 16 });
    const six = tcpFrame(6, 10);
    const extended = new Uint8Array(six.length + 8);
    extended.set(six.subarray(0, 54));
    extended.set([six[20] as number, 0], 54);
    extended.set(six.subarray(54), 62);
    extended[20] = 60;
    expect(internetHeaders(extended)?.transportAt).toBe(62);
  });

  it('outside of the frame is dropped, and the frame left as it is', () => {
    const bytes = udpFrame(4, 8);
    const frame = { ...plainFrame(bytes), missingChecksum: { start: 34, offset: 2000 } };
    expect(fillChecksum(frame)).toEqual(plainFrame(bytes));
  });
});

describe('a large segment', () => {
  const large = (version: 4 | 6, payload: number, size: number): EthernetFrame => {
    const bytes = tcpFrame(version, payload);
    return {
      bytes,
      missingChecksum: findChecksum(bytes),
      isChecked: true,
      largeSegment: { protocol: version === 4 ? 'tcp4' : 'tcp6', size },
    };
  };

  it('stays whole for a receiver that cuts it itself', () => {
    const frame = large(4, 20_000, 1448);
    expect([...finishFrame(frame, all)]).toEqual([frame]);
  });

  it.each([4, 6] as const)(
    'over IPv%i is cut into segments whose payload is its own, with all sums right',
    (version) => {
      const frame = large(version, 10_001, 1448);
      const cut = [...finishFrame(frame, nothing)];
      expect(cut.length).toBe(7);
      const payloadAt = version === 4 ? 54 : 74;
      const joined: number[] = [];
      let sequence = viewOf(frame.bytes).getUint32(payloadAt - 16);
      for (const [i, { bytes, missingChecksum, largeSegment }] of cut.entries()) {
        expect([missingChecksum, largeSegment]).toEqual([null, null]);
        expect(checksumIsRight(bytes)).toBe(true);
        expect(viewOf(bytes).getUint32(payloadAt - 16)).toBe(sequence);
        // FIN and PSH are the last one's only.
        expect((bytes[payloadAt - 7] as number) & 9).toBe(i === 6 ? 9 : 0);
        joined.push(...bytes.subarray(payloadAt));
        sequence += bytes.byteLength - payloadAt;
      }
      expect(Uint8Array.from(joined)).toEqual(frame.bytes.slice(payloadAt));
      const partial = [...finishFrame(frame, { ...nothing, checksum: true })];
      expect(partial.map(({ bytes }) => bytes.byteLength)).toEqual(
        cut.map(({ bytes }) => bytes.byteLength),
      );
      expect(partial.map((each) => fillChecksum(each).bytes)).toEqual(
        cut.map(({ bytes }) => bytes),
      );
    },
  );

  it('of no TCP, or with headers beyond its end, is lost', () => {
    const bytes = udpFrame(4, 3000);
    const frame = { ...large(4, 3000, 1000), bytes };
    expect([...finishFrame(frame, nothing)]).toEqual([]);
    const broken = large(4, 10, 1000);
    const bad = broken.bytes.slice();
    bad[46] = 0xf0;
    expect([...finishFrame({ ...broken, bytes: bad }, nothing)]).toEqual([]);
  });
});
