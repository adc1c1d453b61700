// A time chart: uPlot for the drawing, ours for marks, the read-out under the pointer and the table that says the same in numbers.
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { display, power, time, type Show } from './format';
import { Fact } from './fact';
import type { Point } from './api';
import { align, pointer, values, type Track } from './series';
import { useDark } from './theme';

export interface Line {
  track: Track;
  label: string;
  color: string; // a CSS variable's name
  dash?: number[];
  field?: 'value' | 'p_value' | 'baseline';
  scale?: 'y' | 'right';
  width?: number;
  fill?: boolean;
  faded?: (point: Point) => boolean; // drawn dashed and pale where true
  quiet?: boolean; // not in the table: another line of the same track is
}

export interface Mark {
  at: string;
  label: string;
  color: string;
}

interface ChartProps {
  title: string;
  lines: Line[];
  show: Show;
  rightShow?: Show;
  rightLog?: boolean;
  marks?: Mark[];
  height?: number;
  floor?: number; // the axis reaches at least down to here
  fields?: (keyof Point)[]; // further columns of the table
  coverage?: Track[]; // maturity as a strip below the lines
  legend?: ComponentChildren;
  controls?: ComponentChildren;
  span?: [number | null, number | null]; // seconds; what the axis reaches over at least
  empty: ComponentChildren;
}

const css = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const tzUtc = (seconds: number) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC');

// Days as month and day; within a day the time.
function timeTicks(ticks: number[]): string[] {
  return ticks.map((tick) => {
    const iso = new Date(tick * 1000).toISOString();
    return tick % 86_400 === 0 ? iso.slice(5, 10) : iso.slice(11, 16);
  });
}
const smallestP = 1e-12; // a p value of 0 still has a place on a logarithmic axis

// Splits a line into a firm part and a pale one; the pale one begins at the last firm point so that they join.
function split(line: Line, at: (number | null)[]): { firm: (number | null)[]; pale: (number | null)[] | null } {
  const all = values(line.track, at, line.field ?? 'value');
  if (!line.faded) return { firm: all, pale: null };
  const faded = at.map((i) => i !== null && (line.faded as (p: Point) => boolean)(line.track.points[i] as Point));
  const firm = all.map((value, i) => (faded[i] ? null : value));
  const pale = all.map((value, i) => (faded[i] || faded[i + 1] || faded[i - 1] ? value : null));
  return { firm, pale };
}

interface Drawn {
  data: uPlot.AlignedData;
  series: { line: number; pale: boolean }[];
  starts: string[];
  at: (number | null)[][];
}

function draw(lines: Line[], rightLog: boolean): Drawn {
  const { starts, x, at } = align(lines.map((line) => line.track));
  const data: (number | null)[][] = [];
  const series: Drawn['series'] = [];
  lines.forEach((line, i) => {
    const { firm, pale } = split(line, at[i] as (number | null)[]);
    const logged = (list: (number | null)[]) =>
      rightLog && line.scale === 'right' ? list.map((v) => (v === null ? null : Math.max(v, smallestP))) : list;
    data.push(logged(firm));
    series.push({ line: i, pale: false });
    if (pale) {
      data.push(logged(pale));
      series.push({ line: i, pale: true });
    }
  });
  return { data: [x, ...data] as uPlot.AlignedData, series, starts, at };
}

function marksPlugin(marks: { current: Mark[] }): uPlot.Plugin {
  return {
    hooks: {
      draw: (u) => {
        const { ctx, bbox } = u;
        ctx.save();
        ctx.beginPath();
        ctx.rect(bbox.left - 6, bbox.top - 8, bbox.width + 12, bbox.height + 8);
        ctx.clip();
        for (const mark of marks.current) {
          const x = Math.round(u.valToPos(Date.parse(mark.at) / 1000, 'x', true));
          if (x < bbox.left || x > bbox.left + bbox.width) continue;
          const color = css(mark.color);
          const size = 4 * uPlot.pxRatio;
          ctx.strokeStyle = color;
          ctx.fillStyle = color;
          ctx.globalAlpha = 0.75;
          ctx.lineWidth = uPlot.pxRatio;
          ctx.setLineDash([3 * uPlot.pxRatio, 3 * uPlot.pxRatio]);
          ctx.beginPath();
          ctx.moveTo(x, bbox.top);
          ctx.lineTo(x, bbox.top + bbox.height);
          ctx.stroke();
          ctx.globalAlpha = 1;
          ctx.beginPath();
          ctx.moveTo(x - size, bbox.top - size);
          ctx.lineTo(x + size, bbox.top - size);
          ctx.lineTo(x, bbox.top + size * 0.7);
          ctx.fill();
        }
        ctx.restore();
      },
    },
  };
}

// A strip at the foot of the plot, as high as the window is labelled.
function coveragePlugin(coverage: { current: Track[] }): uPlot.Plugin {
  return {
    hooks: {
      drawClear: (u) => {
        if (coverage.current.length === 0) return;
        const { ctx, bbox } = u;
        const whole = 16 * uPlot.pxRatio;
        ctx.save();
        ctx.fillStyle = css('--coverage');
        for (const track of coverage.current) {
          for (const point of track.points) {
            const left = Math.max(u.valToPos(Date.parse(point.start) / 1000, 'x', true), bbox.left);
            const right = Math.min(u.valToPos(Date.parse(point.end) / 1000, 'x', true), bbox.left + bbox.width);
            const high = whole * Math.min(1, point.maturity);
            if (right > left) ctx.fillRect(left, bbox.top + bbox.height - high, Math.max(1, right - left - uPlot.pxRatio), high);
          }
        }
        ctx.restore();
      },
    },
  };
}

export function Chart(props: ChartProps): JSX.Element {
  const { title, lines, show, rightShow, rightLog = false, height = 190, floor } = props;
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const marks = useRef<Mark[]>([]);
  const coverage = useRef<Track[]>([]);
  const span = useRef<[number | null, number | null]>([null, null]);
  const [hover, setHover] = useState<{ index: number; left: number; width: number } | null>(null);
  const [table, setTable] = useState(false);
  const dark = useDark();
  const drawn = useMemo(() => draw(lines, rightLog), [lines, rightLog]);
  marks.current = props.marks ?? [];
  coverage.current = props.coverage ?? [];
  span.current = props.span ?? [null, null];
  const shape = JSON.stringify([dark, show, rightShow, rightLog, height, floor, drawn.starts.length > 0,
    drawn.series.map(({ line, pale }) => [pale, lines[line]?.label, lines[line]?.color, lines[line]?.dash, lines[line]?.scale])]);

  useLayoutEffect(() => {
    const element = host.current;
    if (!element || drawn.starts.length === 0) return;
    const grid = { stroke: css('--grid'), width: 1 };
    const axis = { stroke: css('--muted'), font: '11px system-ui, sans-serif', grid, ticks: { show: false }, gap: 4 };
    const right = lines.some((line) => line.scale === 'right');
    const created = new uPlot(
      {
        width: element.clientWidth,
        height,
        tzDate: tzUtc,
        legend: { show: false },
        padding: [10, right ? 0 : 10, 0, 0],
        cursor: {
          y: false,
          sync: { key: 'time', scales: ['x', null] },
          drag: { x: false, y: false },
          points: { size: 6 },
        },
        scales: {
          x: { range: (_u, low, high) => [Math.min(low ?? Infinity, span.current[0] ?? Infinity), Math.max(high ?? -Infinity, span.current[1] ?? -Infinity)] },
          y: { range: (_u, low, high) => yRange(low, high, floor) },
          right: rightLog ? { distr: 3, range: (_u, low) => [Math.min(low ?? 0.1, 0.1), 1] } : { range: (_u, low, high) => yRange(low, high, 0) },
        },
        axes: [
          { ...axis, size: 24, space: 64, values: (_u, ticks) => timeTicks(ticks) },
          { ...axis, size: 56, space: 34, values: (_u, ticks) => ticks.map((tick) => display(tick, show)) },
          ...(right
            ? [{ ...axis, scale: 'right', side: 1 as const, size: 48, space: 34, grid: { show: false },
                values: (_u: uPlot, ticks: (number | null)[]) => ticks.map((tick) => (tick === null ? '' : rightLog ? power(tick) : display(tick, rightShow ?? show))) }]
            : []),
        ],
        series: [
          {},
          ...drawn.series.map(({ line: i, pale }) => {
            const line = lines[i] as Line;
            const color = css(line.color);
            return {
              scale: line.scale ?? 'y',
              stroke: pale ? withAlpha(color, 0.45) : color,
              width: line.width ?? 1.5,
              dash: pale ? [3, 4] : line.dash,
              fill: line.fill && !pale ? withAlpha(color, 0.1) : undefined,
              points: { show: drawn.starts.length < 70 && !line.quiet, size: 4, fill: pale ? css('--card') : color, stroke: pale ? withAlpha(color, 0.6) : color },
            };
          }),
        ],
        plugins: [coveragePlugin(coverage), marksPlugin(marks)],
        hooks: {
          setCursor: [
            (u) => {
              const index = u.cursor.idx;
              const inside = index !== null && index !== undefined && (u.cursor.left ?? -1) >= 0;
              setHover(inside ? { index, left: u.valToPos(u.data[0][index] as number, 'x') + u.over.offsetLeft, width: u.width } : null);
            },
          ],
        },
      },
      drawn.data,
      element,
    );
    plot.current = created;
    const resized = new ResizeObserver(() => created.setSize({ width: element.clientWidth, height }));
    resized.observe(element);
    return () => {
      resized.disconnect();
      created.destroy();
      plot.current = null;
    };
    // `shape` stands for everything that the plot is built from; new values alone go through setData.
  }, [shape]);

  useEffect(() => {
    plot.current?.setData(drawn.data);
  }, [drawn, props.marks, props.coverage]);

  const none = drawn.starts.length === 0;
  return (
    <figure class="chart">
      <figcaption>
        <span class="chart-title">{title}</span>
        {!none && props.legend}
        <span class="grow" />
        {props.controls}
        {!none && (
          <button class="quiet" aria-pressed={table} onClick={() => setTable(!table)} title="The same in numbers">
            {table ? 'hide numbers' : 'numbers'}
          </button>
        )}
      </figcaption>
      {none ? (
        <div class="empty" style={{ minHeight: `${height - 40}px` }}>{props.empty}</div>
      ) : (
        <div class="plot" ref={host} role="img" aria-label={`${title}: ${drawn.starts.length} windows; the button "numbers" lists them`}>
          {hover && <Readout hover={hover} drawn={drawn} lines={lines} show={show} rightShow={rightShow} marks={props.marks ?? []} />}
        </div>
      )}
      {table && !none && <Numbers drawn={drawn} lines={lines} show={show} rightShow={rightShow} fields={props.fields ?? []} />}
    </figure>
  );
}

function yRange(low: number | null, high: number | null, floor: number | undefined): [number, number] {
  if (low === null || high === null) return [0, 1];
  if (low === 0 && high === 0) return [0, 0.01];
  const bottom = floor === undefined ? low : Math.min(low, floor);
  const space = (high - bottom || Math.abs(high) || 1) * 0.08;
  return [floor !== undefined && low >= floor ? floor : bottom - space, high + space];
}

// The style sheet's colours are #rrggbb.
function withAlpha(color: string, alpha: number): string {
  return color + Math.round(alpha * 255).toString(16).padStart(2, '0');
}

interface ReadoutProps {
  hover: { index: number; left: number; width: number };
  drawn: Drawn;
  lines: Line[];
  show: Show;
  rightShow?: Show | undefined;
  marks: Mark[];
}

function Readout({ hover, drawn, lines, show, rightShow, marks }: ReadoutProps): JSX.Element {
  const start = drawn.starts[hover.index] as string;
  const rows = lines.flatMap((line, i) => {
    const at = drawn.at[i]?.[hover.index];
    return at === null || at === undefined ? [] : [{ line, at, point: line.track.points[at] as Point }];
  });
  const end = rows[0]?.point.end;
  const near = end === undefined ? [] : marks.filter((mark) => mark.at >= start && mark.at < end);
  const before = hover.left > hover.width / 2;
  return (
    <div class="readout" style={before ? { right: `${hover.width - hover.left + 12}px` } : { left: `${hover.left + 12}px` }}>
      <div class="readout-time">{time(start)} UTC</div>
      {rows.map(({ line, at, point }) => (
        <div class="readout-row" key={line.label}>
          <i style={{ background: `var(${line.color})` }} />
          <span>{line.label}</span>
          <b><Fact from={line.track.from} at={pointer(line.track, at, line.field ?? 'value')} as={line.scale === 'right' ? (rightShow ?? show) : show} /></b>
          {line.field === undefined && <small>n <Fact from={line.track.from} at={pointer(line.track, at, 'n')} as="count" />
            {line.faded && <> · <Fact from={line.track.from} at={pointer(line.track, at, 'maturity')} as="share" /> labelled</>}
            {point.significant && <em> significant</em>}</small>}
        </div>
      ))}
      {near.map((mark) => (
        <div class="readout-row" key={mark.at + mark.label}>
          <i class="mark" style={{ background: `var(${mark.color})` }} />
          <span class="wide">{mark.label}</span>
        </div>
      ))}
    </div>
  );
}

const fieldShow: Record<string, Show> = { n: 'count', maturity: 'share', p_value: 'pValue', baseline: 'number', significant: 'text' };

function Numbers({ drawn, lines, show, rightShow, fields }: {
  drawn: Drawn; lines: Line[]; show: Show; rightShow?: Show | undefined; fields: (keyof Point)[];
}): JSX.Element {
  const listed = lines.map((line, i) => ({ line, at: drawn.at[i] as (number | null)[] })).filter(({ line }) => !line.quiet);
  return (
    <div class="numbers" tabIndex={0} role="region" aria-label="numbers of the chart">
      <table>
        <thead>
          <tr>
            <th scope="col">window (UTC)</th>
            {listed.map(({ line }) => [
              <th scope="col" key={line.label}>{line.label}</th>,
              ...fields.map((field) => <th scope="col" class="minor" key={line.label + field}>{field === 'p_value' ? 'p' : field}</th>),
            ])}
          </tr>
        </thead>
        <tbody>
          {drawn.starts.map((_, row) => row).reverse().map((row) => (
            <tr key={drawn.starts[row]}>
              <th scope="row">{time(drawn.starts[row] as string)}</th>
              {listed.map(({ line, at }) => {
                const point = at[row];
                const cell = (field: keyof Point, as: Show, minor: boolean) => (
                  <td key={line.label + field} class={minor ? 'minor' : undefined}>
                    {point === null || point === undefined ? '' : <Fact from={line.track.from} at={pointer(line.track, point, field)} as={as} />}
                  </td>
                );
                return [
                  cell(line.field ?? 'value', line.scale === 'right' ? (rightShow ?? show) : show, false),
                  ...fields.map((field) => cell(field, field === 'baseline' ? show : (fieldShow[field] ?? 'number'), true)),
                ];
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
