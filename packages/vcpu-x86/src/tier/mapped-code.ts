// Is the code that a region was compiled from mapped around an address? Bytes are compared, page by page.
import type { PageUse } from '../region/discover.js';
import type { RegionCode } from '../region/region-code.js';

/**
 * The pages with a region's code, by distance from the entry's page; null: other code is there, or none.
 * @param bytes the machine's memory
 * @param pageAt machine address of the page so far from the entry's, -1 if there is none
 * @param isUsable may the region have code on the page at that distance, at that machine address?
 */
export function pagesWith(
  code: RegionCode,
  bytes: Uint8Array,
  pageAt: (delta: number) => number,
  isUsable: (delta: number, host: number) => boolean,
): Map<number, PageUse> | null {
  const pages = new Map<number, PageUse>();
  const { runs } = code;
  let n = 0;
  for (let i = 0; i < runs.length; i += 2) {
    let at = runs[i];
    while (at < runs[i + 1]) {
      const page = Math.floor(at / 4096);
      const end = Math.min(runs[i + 1], page * 4096 + 4096);
      const from = at - page * 4096;
      const to = end - page * 4096;
      const old = pages.get(page);
      const host = old ? old.host : pageAt(page);
      if (host < 0 || (!old && !isUsable(page, host))) return null;
      for (let o = from; o < to; o++) if (bytes[host + o] !== code.bytes[n++]) return null;
      pages.set(page, {
        host,
        from: old ? Math.min(old.from, from) : from,
        to: old ? Math.max(old.to, to) : to,
      });
      at = end;
    }
  }
  return pages;
}
