// Two Linux guests of two machines on one switch: Linux' netfront against our back-end at both ends, with its large segments.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { NetworkSwitch, openXenImage, XenGuest } from '@proxeny/machine';
import { cpuModel } from '@proxeny/vcpu-x86';
import { expect, it } from 'vitest';
import { debianKernel, debianPackage } from '../boot/debian-packages.js';
import { busyboxInitramfs, executable } from '../boot/initramfs.js';

const setUp = (host: number): string => `
mkdir -p /proc /sys /dev
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
insmod /xen-netfront.ko; until ifconfig eth0 10.0.0.${host} up; do sleep 1; done
`;

const server = `${setUp(1)}
nc -l -p 5000 > /got; sha256sum /got; sleep 5; poweroff -f
`;

const client = `${setUp(2)}
until ping -c 1 -W 1 10.0.0.1; do sleep 1; done
ping -c 3 -s 8000 10.0.0.1
seq 1 300000 > /sent; sha256sum /sent; sleep 3
until nc 10.0.0.1 5000 < /sent; do sleep 1; done; sleep 2; poweroff -f
`;

it('Linux guests ping each other with fragments, and send two megabytes over TCP intact', async () => {
  const name = 'linux-image-cloud-amd64';
  const kernel = new Uint8Array(readFileSync(debianKernel(name, 'amd64')));
  const find = [debianPackage(name, 'amd64'), '-name', 'xen-netfront.ko'];
  const driver = readFileSync(String(execFileSync('find', find)).trim());
  const model = cpuModel('x86-64-v2');
  if (!model) throw new Error('no such CPU model');
  const network = new NetworkSwitch();
  const texts = ['', ''];
  const guests = [server, client].map((init, i) => {
    return new XenGuest({
      image: openXenImage(kernel, name),
      ramdisk: busyboxInitramfs({
        architecture: 'amd64',
        init,
        files: [executable('xen-netfront.ko', driver)],
      }),
      commandLine: 'console=hvc0 quiet panic=1',
      memoryBytes: 192 << 20,
      model,
      networks: [{ id: 0, mac: `00:16:3e:00:00:0${i + 1}`, network: network.addPort() }],
      onConsole: (bytes) => {
        texts[i] += new TextDecoder('latin1').decode(bytes);
      },
    });
  });
  const ends = await Promise.all(guests.map((guest) => guest.run()));
  expect(ends.map(({ reason }) => reason)).toEqual(['poweroff', 'poweroff']);
  const [got, sent] = texts.map((text) => /([0-9a-f]{64}) {2}/.exec(text)?.[1]);
  expect(texts[1]).toContain('3 packets received, 0% packet loss');
  expect(got).toBe(sent);
}, 1_200_000);
