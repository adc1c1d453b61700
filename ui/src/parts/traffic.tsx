import type { JSX } from 'preact';
import { useContext, useMemo } from 'preact/hooks';
import type { SeriesList } from '../api';
import { Chart, type Line } from '../chart';
import { useRoute } from '../feed';
import { Card, Failed, Legend } from '../pieces';
import { tracks } from '../series';
import { versionColor } from '../theme';
import { seriesPath, ViewContext, type View } from '../view';

export function Traffic(): JSX.Element {
  const view = useContext(ViewContext) as View;
  const { answer, error } = useRoute<SeriesList>(seriesPath(view, 'traffic', view.place.window));
  const versions = view.model.data.versions;
  const { rows, latency, refused, legend } = useMemo(() => {
    const color = (version: string) => versionColor(versions, version);
    const of = (metric: string, suffix: string, more: Partial<Line>): Line[] =>
      tracks(answer, { metric }).map((track) => ({ track, label: `v${track.version}${suffix}`, color: color(track.version), ...more }));
    return {
      rows: of('rows_per_second', '', { fill: true }),
      latency: [...of('latency_p99_us', ' p99', { width: 2 }), ...of('latency_p95_us', ' p95', { width: 1, dash: [6, 3] }), ...of('latency_p50_us', ' p50', { width: 1, dash: [2, 2] })],
      refused: [...of('refused_share', ' refused', {}), ...of('failure_share', ' failed', { dash: [4, 3] })],
      legend: [...new Set(answer?.data.series.map((series) => series.version) ?? [])].map((version) => ({ label: `v${version}`, color: color(version) })),
    };
  }, [answer, versions]);
  const empty = answer === null ? 'Asking the server…' : 'No rows in this range yet. POST some to /api/v1/models/' + view.model.data.name + '/predict.';
  return (
    <Card id="traffic" title="Traffic and latency" note={`by ${view.place.window}`} span={12} controls={<Legend entries={legend} />}>
      <Failed error={error} />
      <div class="three">
        <Chart span={view.span} title="rows a second" lines={rows} show="number" marks={view.marks} floor={0} fields={['n']} empty={empty} />
        <Chart span={view.span} title="latency" lines={latency} show="micros" marks={view.marks} floor={0} fields={['n']} empty={empty}
          legend={<Legend entries={[{ label: 'p99', color: '--muted' }, { label: 'p95, p50', color: '--muted', dashed: true }]} />} />
        <Chart span={view.span} title="refused and failed share" lines={refused} show="share" marks={view.marks} floor={0} fields={['n']} empty={empty}
          legend={<Legend entries={[{ label: 'refused', color: '--muted' }, { label: 'failed', color: '--muted', dashed: true }]} />} />
      </div>
    </Card>
  );
}
