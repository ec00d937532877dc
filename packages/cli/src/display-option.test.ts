import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PcDisplay } from '@proxeny/machine';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DisplayFile, parseDisplay } from './display-option.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'display-option-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('--display', () => {
  it('is a file, and a size', () => {
    expect(parseDisplay('a.png')).toEqual({ path: 'a.png', width: 1024, height: 768 });
    expect(parseDisplay('a.png,size=640x480')).toEqual({ path: 'a.png', width: 640, height: 480 });
  });

  it.each([
    ['', /write it as FILE/],
    [',size=640x480', /write it as FILE/],
    ['a.png,640x480', /write it as FILE/],
    ['a.png,size=big', /'big' is no size/],
    ['a.png,size=0x480', /'0x480' is no size/],
    ['a.png,size=4096x4096', /at most 4194304 pixels/],
  ])("refuses '%s' with what is wrong", (text, message) => {
    expect(() => parseDisplay(text)).toThrow(message);
  });

  it('writes no picture of a display that shows nothing', async () => {
    const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const path = join(folder, 'a.png');
    const file = new DisplayFile(path);
    file.show(new PcDisplay(file.options, () => {}));
    await file.write();
    file.close();
    expect(existsSync(path)).toBe(false);
    expect(said.mock.calls.flat().join('')).toContain('shows nothing on its display');
    said.mockRestore();
  });

  it('writes what is there when SIGUSR2 asks, and says what is wrong with the file', async () => {
    const path = join(folder, 'a.png');
    const file = new DisplayFile(path);
    const display = new PcDisplay(file.options, () => {});
    display.picture = () => ({ width: 1, height: 1, pixels: Uint8Array.of(1, 2, 3) });
    file.show(display);
    process.kill(process.pid, 'SIGUSR2');
    await vi.waitFor(() => expect(readFileSync(path).toString('latin1', 1, 4)).toBe('PNG'));
    file.close();
    const nowhere = new DisplayFile(join(folder, 'none/a.png'));
    nowhere.show(display);
    await expect(nowhere.write()).rejects.toThrow(/cannot be written/);
    nowhere.close();
  });
});
