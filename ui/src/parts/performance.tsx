// How right the model was, by day of prediction, as labels come in.
import type { JSX } from 'preact';
import { useContext, useMemo } from 'preact/hooks';
import type { Point, SeriesList } from '../api';
import { Chart, type Line } from '../chart';
import { useRoute } from '../feed';
import { metricShow, words } from '../format';
import { Card, Failed, Legend, Select } from '../pieces';
import { tracks } from '../series';
import { versionColor } from '../theme';
import { seriesPath, ViewContext, type View } from '../view';

// A day counts as whole when this share of its predictions has a label.
const wholeFrom = 0.95;
const preferred = ['average_precision', 'roc_auc', 'log_loss', 'rmse', 'accuracy'];

export function Performance(): JSX.Element {
  const view = useContext(ViewContext) as View;
  const { answer, error } = useRoute<SeriesList>(seriesPath(view, 'performance', 'day'));
  const names = [...new Set(answer?.data.series.map((series) => series.metric) ?? [])].filter((name) => name !== 'labelled_share');
  const metric = names.includes(view.place.metric) ? view.place.metric : (preferred.find((name) => names.includes(name)) ?? names[0] ?? '');
  const versions = view.model.data.versions;
  const lines = useMemo(() => tracks(answer, { metric }).flatMap((track): Line[] => {
    const color = versionColor(versions, track.version);
    const out: Line[] = [{ track, label: `v${track.version}`, color, width: 2, faded: (point: Point) => point.maturity < wholeFrom }];
    if (track.points.some((point) => point.baseline !== null)) {
      out.push({ track, label: `v${track.version} first week`, color, dash: [1, 3], width: 1, field: 'baseline', quiet: true });
    }
    return out;
  }), [answer, metric, versions]);
  const coverage = useMemo(() => tracks(answer, { metric: 'labelled_share' }), [answer]);
  const newest = coverage.flatMap((track) => track.points).sort((a, b) => (a.start < b.start ? 1 : -1))[0];
  return (
    <Card id="performance" title="Performance" note="by day of prediction" span={8}
      controls={names.length > 0 && <Select label="metric" options={names} value={metric} onChoose={(name) => view.change({ metric: name })} name={words} />}>
      <Failed error={error} />
      <Chart span={view.span} title={words(metric) || 'performance'} lines={lines} show={metricShow(metric)} marks={view.marks} height={250} fields={['n', 'maturity', 'baseline']} coverage={coverage}
        legend={<Legend entries={[...lines.filter((line) => !line.quiet).map(({ label, color }) => ({ label, color })), { label: `less than ${wholeFrom * 100} % labelled`, color: '--muted', dashed: true }]} />}
        empty={answer === null ? 'Asking the server…' : newest === undefined
          ? 'Nothing served in this range yet.'
          : 'No day has labels enough yet. Labels come days after their predictions (POST /api/v1/labels); each day appears here once they begin to arrive and firms up as they do.'} />
      {lines.length > 0 && <p class="foot">Strip at the foot: share of each day's predictions that have a label. Dotted: the version's first matured week.</p>}
    </Card>
  );
}
