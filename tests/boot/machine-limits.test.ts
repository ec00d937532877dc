// What a machine costs its host, and the ways by which guests switch a PC off or start it again.
import { readFileSync } from 'node:fs';
import { Machine } from '@proxeny/machine';
import { cpuModel } from '@proxeny/vcpu-x86';
import { describe, expect, it } from 'vitest';
import { debianKernel } from './debian-packages.js';
import { busyboxInitramfs } from './initramfs.js';
import { runCommand, smallKernel, writeTestFile } from './run-command.js';

const MIB = 1 << 20;

async function endOf(code: string, memoryMib = 16): Promise<{ reason: string; message: string }> {
  const model = cpuModel('max');
  if (model === undefined) throw new Error('no such model');
  const machine = new Machine({
    image: smallKernel(code),
    memoryBytes: memoryMib * MIB,
    model,
  });
  const timer = setTimeout(() => machine.stop(), 5000);
  const { reason, message } = await machine.run();
  clearTimeout(timer);
  return { reason, message };
}

describe('a guest can', () => {
  it.each([
    ['reset by the keyboard controller', 'mov al, 0xfe\nout 0x64, al\nhlt', 'reset'],
    ['reset by port 92h', 'in al, 0x92\nor al, 1\nout 0x92, al\nhlt', 'reset'],
    ['reset by port CF9h', 'mov dx, 0xcf9\nmov al, 6\nout dx, al\nhlt', 'reset'],
    ['power off by ACPI', 'mov dx, 0x604\nmov eax, 0x2000\ndb 0x66\nout dx, eax\nhlt', 'poweroff'],
    ['exit by the debug port', 'mov al, 3\nout 0xf4, al\nhlt', 'exit'],
    ['crash by a triple fault', 'lidt [0x500]\nint3', 'crash'],
  ])('%s', async (_, code, reason) => {
    expect((await endOf(code)).reason).toBe(reason);
  });
});

describe('a machine', () => {
  it.each([4, 5, 64, 2047, 2048, 2049, 3071, 3072, 3073, 4032])(
    'of %i MiB has memory up to its end and none beyond',
    async (memoryMib) => {
      // RAM beyond 3 GiB lies above 4 GiB, out of reach here.
      const top = Math.min(memoryMib, 3072) * MIB;
      const code = `mov eax, 0x${(top - 4).toString(16)}
        mov dword [eax], 0x12345678
        cmp dword [eax], 0x12345678
        jne bad
        mov dword [eax+4], 0
        cmp dword [eax+4], 0xffffffff
        jne bad
        mov dx, 0x604
        mov eax, 0x2000
        db 0x66 ; OUT DX, AX
        out dx, eax
        bad: hlt`;
      expect((await endOf(code, memoryMib)).reason).toBe('poweroff');
    },
  );

  it('of 256 MiB whose guest uses all of it and runs much hot code stays under 256 + 150 MiB of host memory', async () => {
    const init = `mount -t proc proc /proc; mount -t devtmpfs dev /dev
mount -t tmpfs -o size=220m none /tmp
dd if=/dev/zero of=/tmp/full bs=1M count=190 && echo all is filled
grep MemFree /proc/meminfo
for f in md5sum sha1sum sha256sum sha512sum cksum; do $f /bin/busybox; done
gzip -c /bin/busybox | gunzip | md5sum
bzip2 -c /bin/busybox | bunzip2 | md5sum
strings /bin/busybox | sort | uniq | awk '{n[length($0)]++} END {for (i in n) print i, n[i]}' | wc -l
i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done
i=0; while [ $i -lt 60 ]; do ls -l / | sed 's/a/b/' >/dev/null; i=$((i+1)); done
echo all is used
sleep 1000
`;
    const initrd = writeTestFile('fill.cpio', busyboxInitramfs({ architecture: 'i386', init }));
    const kernel = debianKernel('linux-image-686-pae', 'i386');
    let residentMib = 0;
    const args = ['run', kernel, '-i', initrd, '-m', '256M', '-a', 'console=ttyS0 quiet'];
    const result = await runCommand([...args, '--expect', 'never printed'], {
      limitMs: 240_000,
      onOutput: (stdout, child) => {
        if (!stdout.includes('all is used') || residentMib > 0) return;
        const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
        residentMib = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
        child.kill('SIGTERM');
      },
    });
    expect(result.code).toBe(143);
    expect(result.stdout).toContain('all is filled');
    expect(residentMib).toBeGreaterThan(256);
    expect(residentMib).toBeLessThan(256 + 150);
  });
});
