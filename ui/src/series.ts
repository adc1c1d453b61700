// Series of the monitoring routes, laid onto one time axis.
import type { Answer, Point, SeriesList } from './api';

// Where a series stands in its answer, so that every point can be pointed at.
export interface Track {
  from: Answer<SeriesList>;
  index: number;
  version: string;
  metric: string;
  column: string;
  points: Point[];
}

export function tracks(answer: Answer<SeriesList> | null, wanted: { metric?: string; column?: string; version?: string } = {}): Track[] {
  if (!answer) return [];
  return answer.data.series.flatMap((series, index) => {
    if (wanted.metric !== undefined && series.metric !== wanted.metric) return [];
    if (wanted.column !== undefined && series.column !== wanted.column) return [];
    if (wanted.version !== undefined && series.version !== wanted.version) return [];
    return [{ from: answer, index, version: series.version, metric: series.metric, column: series.column, points: series.points }];
  });
}

export const pointer = (track: Track, point: number, field: keyof Point) => `/series/${track.index}/points/${point}/${field}`;

export interface Aligned {
  starts: string[]; // of the windows, rising
  x: number[]; // the same in seconds
  at: (number | null)[][]; // per track: index of its point in that window
}

// Windows of all the tracks together; a gap of more than one window gets an empty place, so that lines break there.
export function align(list: Track[]): Aligned {
  const ends = new Map<string, string>();
  for (const track of list) for (const point of track.points) ends.set(point.start, point.end);
  const starts = [...ends.keys()].sort();
  const x = starts.map((start) => Date.parse(start) / 1000);
  const place = new Map(starts.map((start, i) => [start, i]));
  const at = list.map((track) => {
    const row = new Array<number | null>(starts.length).fill(null);
    track.points.forEach((point, i) => {
      row[place.get(point.start) as number] = i;
    });
    return row;
  });
  return { starts, x, at };
}

export function values(track: Track, at: (number | null)[], field: 'value' | 'p_value' | 'baseline' | 'maturity' = 'value'): (number | null)[] {
  return at.map((i) => (i === null ? null : ((track.points[i] as Point)[field] ?? null)));
}

const windowSeconds: Record<string, number> = { minute: 60, hour: 3600, day: 86_400 };

export type Range = '1d' | '7d' | '30d' | 'all';
export type Window = 'minute' | 'hour' | 'day';
export const ranges: Range[] = ['1d', '7d', '30d', 'all'];

// The beginning of a range that ends now, on a whole window; undefined: from the beginning of time.
export function rangeFrom(range: Range, now: string | null, window: Window): string | undefined {
  if (range === 'all' || now === null) return undefined;
  const step = windowSeconds[window] as number;
  const from = Math.floor((Date.parse(now) / 1000 - Number.parseInt(range) * 86_400) / step) * step;
  return new Date(from * 1000).toISOString().replace('.000Z', 'Z');
}
