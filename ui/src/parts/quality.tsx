import type { JSX } from 'preact';
import { useContext, useMemo, useState } from 'preact/hooks';
import type { SeriesList } from '../api';
import { Chart, type Line } from '../chart';
import { useRoute } from '../feed';
import { words } from '../format';
import { Heat, HeatKey } from '../heat';
import { Card, Choice, Empty, Failed, Legend } from '../pieces';
import { tracks } from '../series';
import { versionColor } from '../theme';
import { seriesPath, ViewContext, type View } from '../view';

const shareSteps = [0.001, 0.005, 0.02, 0.1, 0.5];
const byColumn = ['missing_share', 'out_of_range_share', 'infinite_share'] as const;
const folds = { missing_share: 'Nothing missing', out_of_range_share: 'Nothing out of range', infinite_share: 'Nothing infinite' };
type ByColumn = (typeof byColumn)[number];

export function Quality(): JSX.Element {
  const view = useContext(ViewContext) as View;
  const [metric, setMetric] = useState<ByColumn>('missing_share');
  const table = useRoute<SeriesList>(seriesPath(view, 'quality', 'day', { metric }));
  const cleaned = useRoute<SeriesList>(seriesPath(view, 'quality', view.place.window, { metric: 'cleaned_share' }));
  const outliers = useRoute<SeriesList>(seriesPath(view, 'quality', view.place.window, { metric: 'outlier_share' }));
  const list = useMemo(() => (table.answer?.path.includes(`metric=${metric}`) ? tracks(table.answer) : []), [table.answer, metric]);
  const versions = view.model.data.versions;
  const lines = useMemo(() => [
    ...tracks(cleaned.answer).map((track): Line => ({ track, label: `v${track.version} cleaned`, color: versionColor(versions, track.version), dash: [4, 3] })),
    ...tracks(outliers.answer).map((track): Line => ({ track, label: `v${track.version} outliers`, color: versionColor(versions, track.version) })),
  ], [cleaned.answer, outliers.answer, versions]);
  return (
    <Card id="quality" title="Data quality" note="by column and day" span={7} controls={<><HeatKey steps={shareSteps} show="share" /><Choice label="measure" options={byColumn} value={metric} onChoose={setMetric} name={(name) => words(name.replace('_share', ''))} /></>}>
      <Failed error={table.error ?? cleaned.error ?? outliers.error} />
      {list.length === 0 ? (
        <Empty>{table.answer === null ? 'Asking the server…' : metric === 'infinite_share' ? 'No infinite values in this range.' : 'Nothing measured yet: it begins with the first rows of a version that has a reference profile.'}</Empty>
      ) : (
        <Heat list={list} steps={shareSteps} show="share" fold={folds[metric]} />
      )}
      <Chart span={view.span} title="rows that are outliers, or were cleaned" lines={lines} show="share" floor={0} marks={view.marks} height={230} fields={['n', 'p_value', 'baseline', 'significant']}
        legend={<Legend entries={[{ label: 'outliers', color: '--muted' }, { label: 'cleaned', color: '--muted', dashed: true }]} />} empty="No rows in this range yet." />
    </Card>
  );
}
