// A table of series by window: one row a column of the model, one cell a window, coloured by effect.
import type { JSX } from 'preact';
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Point } from './api';
import { factAttributes } from './fact';
import { day, display, type Show } from './format';
import { pointer, type Track } from './series';

export interface HeatCell {
  track: Track;
  index: number;
  point: Point;
}
export interface HeatRow {
  column: string;
  cells: Map<string, HeatCell>;
  peak: number;
  significant: number;
}

// Where several versions tell of one window, the one that saw most rows speaks.
export function heatRows(list: Track[]): { rows: HeatRow[]; starts: string[] } {
  const rows = new Map<string, HeatRow>();
  const starts = new Set<string>();
  for (const track of list) {
    const row = rows.get(track.column) ?? { column: track.column, cells: new Map(), peak: 0, significant: 0 };
    rows.set(track.column, row);
    track.points.forEach((point, index) => {
      if (point.value === null) return;
      starts.add(point.start);
      const known = row.cells.get(point.start);
      if (!known || known.point.n < point.n) row.cells.set(point.start, { track, index, point });
    });
  }
  for (const row of rows.values()) {
    for (const { point } of row.cells.values()) {
      row.peak = Math.max(row.peak, point.value ?? 0);
      row.significant += Number(point.significant);
    }
  }
  return { rows: [...rows.values()], starts: [...starts].sort() };
}

interface HeatProps {
  list: Track[];
  steps: number[]; // effects from which a cell takes the next colour
  show: Show;
  chosen?: string;
  onChoose?: (column: string) => void;
  first?: string; // the column that stands on top
  fold?: string; // rows of nothing but zeros are folded into one line that begins with this
}

export function Heat({ list, steps, show, chosen, onChoose, first, fold }: HeatProps): JSX.Element {
  const { rows, starts } = useMemo(() => heatRows(list), [list]);
  const [unfolded, setUnfolded] = useState(false);
  const scroller = useRef<HTMLDivElement>(null);
  const sorted = [...rows].sort((a, b) =>
    Number(b.column === first) - Number(a.column === first) || b.significant - a.significant || b.peak - a.peak || (a.column < b.column ? -1 : 1));
  const quiet = fold === undefined || unfolded ? [] : sorted.filter((row) => row.peak === 0);
  const listed = sorted.slice(0, sorted.length - quiet.length);
  // The newest windows are what one looks at first.
  useLayoutEffect(() => {
    if (scroller.current) scroller.current.scrollLeft = scroller.current.scrollWidth;
  }, [starts.length]);
  const step = (value: number) => steps.filter((from) => value >= from).length;
  const roomy = starts.length <= 10;
  return (
    <div class="heat" ref={scroller} tabIndex={0} role="region" aria-label="by column and window">
      {listed.length > 0 && <table class={roomy ? 'roomy' : starts.length > 70 ? 'dense' : ''}>
        <thead>
          <tr>
            <th scope="col">column</th>
            {starts.map((start, i) => {
              const labelled = i % Math.max(1, Math.ceil(starts.length / 8)) === 0;
              return <th scope="col" key={start} title={day(start)}>{labelled ? <span>{start.slice(5, 10)}</span> : <span class="unseen">{day(start)}</span>}</th>;
            })}
          </tr>
        </thead>
        <tbody>
          {listed.map((row) => (
            <tr key={row.column} class={row.column === chosen ? 'chosen' : ''}>
              <th scope="row">
                {onChoose ? <button class="link" aria-pressed={row.column === chosen} onClick={() => onChoose(row.column)}>{row.column}</button> : row.column}
              </th>
              {starts.map((start) => {
                const cell = row.cells.get(start);
                if (!cell) return <td key={start} class="none" title={`${row.column}, ${day(start)}: not measured`} />;
                const { point, track, index } = cell;
                const p = point.p_value === null ? '' : `, p ${display(point.p_value, 'pValue')}`;
                return (
                  <td key={start} class={`h${step(point.value ?? 0)} ${point.significant ? 'significant' : ''}`} onClick={onChoose && (() => onChoose(row.column))}
                    title={`${row.column}, ${day(start)}, v${track.version}: ${point.value}${p}, n ${point.n}${point.significant ? ', significant' : ''}`}
                    {...factAttributes(track.from, pointer(track, index, 'value'), show)}>
                    {roomy ? display(point.value, show) : <span class="unseen">{display(point.value, show)}</span>}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>}
      {quiet.length > 0 && (
        <p class="foot">{fold} in {listed.length === 0 ? 'all' : 'the other'} {quiet.length} columns. <button class="quiet" onClick={() => setUnfolded(true)}>list them</button></p>
      )}
    </div>
  );
}

export function HeatKey({ steps, show }: { steps: number[]; show: Show }): JSX.Element {
  return (
    <span class="heat-key" aria-hidden="true">
      <i class="h0" />{steps.map((from, i) => [<small key={from}>{display(from, show)}</small>, <i key={`i${from}`} class={`h${i + 1}`} />])}
      <i class="h0 significant" /><small>significant</small>
    </span>
  );
}
