// The numbers of the moment: totals from the status, and the newest whole window of the champion's traffic.
import type { ComponentChildren, JSX } from 'preact';
import { useContext } from 'preact/hooks';
import { modelPath, route, type SeriesList } from '../api';
import { Fact } from '../fact';
import { FeedContext, useRoute } from '../feed';
import { pointer, rangeFrom, tracks } from '../series';
import type { Show } from '../format';
import { ViewContext, type View } from '../view';

function Tile({ label, children, note, tone }: { label: string; children: ComponentChildren; note?: ComponentChildren; tone?: string }): JSX.Element {
  return (
    <div class={`tile ${tone ?? ''}`}>
      <div class="tile-label">{label}</div>
      <div class="tile-value">{children}</div>
      <div class="tile-note">{note ?? ' '}</div>
    </div>
  );
}

export function Tiles(): JSX.Element | null {
  const view = useContext(ViewContext) as View;
  const { status } = useContext(FeedContext);
  const champion = view.model.data.roles.champion?.version;
  const path = champion === undefined || view.now === null ? null
    : route(modelPath(view.model.data.name, '/monitoring/traffic'), { window: 'hour', from: rangeFrom('7d', view.now, 'day'), version: champion });
  const traffic = useRoute<SeriesList>(path);
  if (!status) return null;

  const latest = (metric: string, as: Show) => {
    const track = tracks(traffic.answer, { metric })[0];
    if (!track || track.points.length === 0) return { value: <>–</>, note: 'no traffic yet' };
    const judged = status.data.control_time;
    // The window that is still filling says little; take the newest that has closed, when there is one.
    let index = track.points.length - 1;
    while (index > 0 && judged !== null && (track.points[index]?.end ?? '') > judged) --index;
    return {
      value: <Fact from={track.from} at={pointer(track, index, 'value')} as={as} />,
      note: <>v{champion}, hour of <Fact from={track.from} at={pointer(track, index, 'start')} as="time" /></>,
    };
  };
  const rate = latest('rows_per_second', 'number'), p50 = latest('latency_p50_us', 'micros'), p99 = latest('latency_p99_us', 'micros');
  const refused = latest('refused_share', 'share');
  const firing = status.data.alerts_firing;
  return (
    <section class="tiles span12" aria-label="at a glance">
      <Tile label="rows served" note={<><Fact from={status} at="/predictions/refused_rows" as="count" /> refused, <Fact from={status} at="/predictions/failed_rows" as="count" /> failed</>}>
        <Fact from={status} at="/predictions/rows" as="count" />
      </Tile>
      <Tile label="rows a second" note={rate.note}>{rate.value}</Tile>
      <Tile label="latency p50" note={p50.note}>{p50.value}</Tile>
      <Tile label="latency p99" note={p99.note}>{p99.value}</Tile>
      <Tile label="refused share" note={refused.note}>{refused.value}</Tile>
      <Tile label="alerts firing" note={firing === 0 ? 'all quiet' : 'see below'} tone={firing > 0 ? 'bad' : 'good'}>
        <Fact from={status} at="/alerts_firing" as="count" />
      </Tile>
    </section>
  );
}
