// Numbers and times as people read them. The exact value always stands in the element's title.

const minus = (text: string) => text.replace('-', '−');

// 1,234,567
export function count(value: number): string {
  return minus(Math.round(value).toLocaleString('en-US'));
}

// Rounded to so many places; without the zeros at the end where nothing was rounded away: 0.05, but 0.0500 for 0.04998.
function rounded(value: number, places: number): string {
  const text = value.toFixed(places);
  const exact = Math.abs(Number(text) - value) <= Math.abs(value) * 1e-12;
  return minus(exact && text.includes('.') ? text.replace(/\.?0+$/, '') : text);
}

// Three significant digits, without an exponent where that is readable.
export function number(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1000) return count(value);
  if (size < 1e-3) return minus(value.toExponential(1));
  return rounded(value, size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.1 ? 3 : 4);
}

export function share(value: number): string {
  const percent = value * 100;
  const size = Math.abs(percent);
  return `${percent === 0 ? '0' : rounded(percent, size >= 10 ? 1 : size >= 0.1 ? 2 : 3)} %`;
}

export function micros(value: number): string {
  if (value < 1000) return `${rounded(value, value < 10 ? 1 : 0)} µs`;
  if (value < 1e6) return `${rounded(value / 1e3, value < 1e4 ? 2 : 1)} ms`;
  return `${rounded(value / 1e6, 2)} s`;
}

export function pValue(value: number): string {
  if (value >= 0.001) return rounded(value, 3);
  return value === 0 ? '0' : minus(value.toExponential(1));
}

export function time(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 16)}`;
}

export function day(iso: string): string {
  return iso.slice(0, 10);
}

export function seconds(value: number): string {
  const whole = Math.floor(value);
  if (whole < 120) return `${whole} s`;
  if (whole < 7200) return `${Math.floor(whole / 60)} min`;
  if (whole < 172_800) return `${Math.floor(whole / 3600)} h`;
  return `${Math.floor(whole / 86_400)} d`;
}

export const text = (value: unknown) => String(value);

// snake_case names of metrics and kinds, for reading.
export function words(name: string): string {
  return name.replace(/[_.]/g, ' ');
}

// A place on a logarithmic axis.
export const power = (value: number) => (value >= 0.01 ? String(value) : minus(value.toExponential(0)));

export type Show = 'count' | 'number' | 'share' | 'micros' | 'pValue' | 'seconds' | 'time' | 'day' | 'text';
const shows: Record<Show, (value: never) => string> = { count, number, share, micros, pValue, seconds, time, day, text };

export function display(value: unknown, as: Show): string {
  if (value === null || value === undefined || value === '') return '–';
  return (shows[as] as (value: unknown) => string)(value);
}

// How a monitored metric is written.
export function metricShow(metric: string): Show {
  if (metric.endsWith('_us')) return 'micros';
  if (metric.endsWith('_share') || metric.endsWith('_rate')) return 'share';
  if (metric === 'rows' || metric === 'refused_rows') return 'count';
  return 'number';
}
