// What a comparison found, and how it is shown: medians, as a table and as an SVG plot of times relative to the first engine that ran.

export interface Comparison {
  readonly date: string;
  readonly host: string;
  readonly engines: readonly { readonly name: string; readonly version: string }[];
  readonly missing: readonly { readonly name: string; readonly why: string }[];
  /** Host time of each round in ms, by workload and engine; an engine that failed has none. */
  readonly times: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>;
}

export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

/** Medians in ms, by workload; NaN where an engine has no time. */
function medians({
  engines,
  times,
}: Comparison): readonly (readonly [string, readonly number[]])[] {
  return Object.entries(times).map(
    ([workload, byEngine]) =>
      [workload, engines.map(({ name }) => median(byEngine[name] ?? []))] as const,
  );
}

/** Of the ratios to the first engine, over the workloads that both have. */
function geometricMean(rows: readonly (readonly number[])[], column: number): number {
  const ratios = rows.map((row) => (row[column] ?? NaN) / (row[0] ?? NaN)).filter(Number.isFinite);
  return Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
}

export function tableOf(comparison: Comparison): string {
  const { engines } = comparison;
  const [first] = engines;
  const rows = medians(comparison);
  const width = Math.max(14, ...rows.map(([workload]) => workload.length));
  const cell = (ms: number, base: number): string =>
    Number.isNaN(ms)
      ? '–'.padStart(18)
      : `${ms.toFixed(0).padStart(8)} ms ${(ms / base).toFixed(2).padStart(5)}×`;
  const lines = rows.map(
    ([workload, times]) =>
      workload.padEnd(width) + times.map((ms) => cell(ms, times[0] ?? NaN).padStart(20)).join(''),
  );
  const means = engines.map(
    (_, i) =>
      `${geometricMean(
        rows.map(([, t]) => t),
        i,
      ).toFixed(2)}×`,
  );
  return [
    ' '.repeat(width) + engines.map(({ name }) => name.padStart(20)).join(''),
    ...lines,
    'geometric mean'.padEnd(width) + means.map((mean) => mean.padStart(20)).join(''),
    `× ${first?.name}'s time: above 1 an engine is slower than ${first?.name}`,
  ].join('\n');
}

const ROW = 46;
const LEFT = 170;
const WIDTH = 760;
const BAR = 11;
const colours = ['#1f77b4', '#ff7f0e', '#2ca02c', '#9467bd'];
const text = (x: number, y: number, content: string, more = ''): string =>
  `<text x="${x}" y="${y}" ${more}>${content.replace(/[<&]/g, (c) => (c === '<' ? '&lt;' : '&amp;'))}</text>`;

/** A bar for each engine and workload, as long as its time is beside the slowest one's there. */
export function plotOf(comparison: Comparison): string {
  const { engines, date, host } = comparison;
  const rows = medians(comparison);
  const height = 60 + rows.length * ROW + engines.length * 16;
  const shapes = rows.flatMap(([workload, times], r) => {
    const top = 50 + r * ROW;
    const slowest = Math.max(...times.filter((ms) => !Number.isNaN(ms)));
    const bars = times.flatMap((ms, i) => {
      if (Number.isNaN(ms)) return [];
      const y = top + i * (BAR + 1);
      const length = Math.max(1, (ms / slowest) * (WIDTH - LEFT - 110));
      const colour = colours[i % colours.length];
      return [
        `<rect x="${LEFT}" y="${y}" width="${length.toFixed(1)}" height="${BAR}" fill="${colour}"/>`,
        text(LEFT + length + 4, y + BAR - 1, `${ms.toFixed(0)} ms`),
      ];
    });
    return [text(LEFT - 8, top + 16, workload, 'text-anchor="end"'), ...bars];
  });
  const legend = engines.flatMap(({ name, version }, i) => {
    const y = height - (engines.length - i) * 16;
    return [
      `<rect x="${LEFT}" y="${y}" width="10" height="10" fill="${colours[i % colours.length]}"/>`,
      text(LEFT + 16, y + 9, `${name} ${version}`),
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height + 10}" font-family="sans-serif" font-size="11">`,
    '<rect width="100%" height="100%" fill="white"/>',
    text(16, 24, 'Time for the same guest, shorter is better', 'font-size="15"'),
    text(16, 40, `${date}, ${host}`),
    ...shapes,
    ...legend,
    '</svg>',
    '',
  ].join('\n');
}
