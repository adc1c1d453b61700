// How far each column's distribution is from the reference, by day; and one column close up, with its p values.
import type { JSX } from 'preact';
import { useContext, useMemo, useState } from 'preact/hooks';
import type { SeriesList } from '../api';
import { Chart, type Line } from '../chart';
import { useRoute } from '../feed';
import { words } from '../format';
import { Heat, heatRows, HeatKey } from '../heat';
import { Card, Choice, Empty, Failed, Legend, Select } from '../pieces';
import { tracks } from '../series';
import { versionColor } from '../theme';
import { seriesPath, ViewContext, type View } from '../view';

const psiSteps = [0.01, 0.025, 0.05, 0.1, 0.25];

export function Drift(): JSX.Element {
  const view = useContext(ViewContext) as View;
  const [version, setVersion] = useState('');
  const { answer, error } = useRoute<SeriesList>(seriesPath(view, 'drift', 'day', { metric: 'psi', version }));
  const list = useMemo(() => tracks(answer), [answer]);
  const columns = useMemo(() => heatRows(list).rows.filter((row) => row.column !== 'score').sort((a, b) => b.significant - a.significant || b.peak - a.peak).map((row) => row.column), [list]);
  const known = columns.includes(view.place.feature) || view.place.feature === 'score';
  const chosen = known ? view.place.feature : (columns[0] ?? '');
  return (
    <Card id="drift" title="Drift" note="population stability index by column and day, most drifted first" span={12}
      controls={<><HeatKey steps={psiSteps} show="number" />
        {view.model.data.versions.length > 1 && <Select label="version" options={['', ...view.model.data.versions]} value={version} onChoose={setVersion} name={(v) => (v === '' ? 'whichever served most' : `v${v}`)} />}</>}>
      <Failed error={error} />
      {list.length === 0 ? (
        <Empty>{answer === null ? 'Asking the server…' : 'Nothing to compare yet: a day needs a few hundred rows, and the version a reference profile (made when it was trained, or given when it was registered).'}</Empty>
      ) : (
        <div class="split">
          <Heat list={list} steps={psiSteps} show="number" chosen={chosen} onChoose={(feature) => view.change({ feature })} first="score" />
          <Closeup column={chosen} version={version} />
        </div>
      )}
    </Card>
  );
}

function Closeup({ column, version }: { column: string; version: string }): JSX.Element {
  const view = useContext(ViewContext) as View;
  const [metric, setMetric] = useState('psi');
  const { answer, error } = useRoute<SeriesList>(column === '' ? null : seriesPath(view, 'drift', 'day', { column, version }));
  const current = answer?.path.includes(`column=${encodeURIComponent(column)}`) ? answer : null;
  const names = [...new Set(current?.data.series.map((series) => series.metric) ?? ['psi'])];
  const shown = names.includes(metric) ? metric : 'psi';
  const versions = view.model.data.versions;
  const lines = useMemo(() => {
    const list = tracks(current, { metric: shown });
    return [
      ...list.map((track): Line => ({ track, label: `v${track.version}`, color: versionColor(versions, track.version), width: 2 })),
      ...list.filter((track) => track.points.some((point) => point.p_value !== null)).map((track): Line => (
        { track, label: `v${track.version} p`, color: versionColor(versions, track.version), width: 1, dash: [2, 3], scale: 'right', field: 'p_value', quiet: true })),
    ];
  }, [current, shown, versions]);
  return (
    <div class="closeup">
      <h3>{column}</h3>
      <Failed error={error} />
      <Chart span={view.span} title={words(shown)} lines={lines} show="number" rightShow="pValue" rightLog marks={view.marks} height={260} floor={0} fields={['p_value', 'n', 'significant']}
        controls={<Choice label="statistic" options={names} value={shown} onChoose={setMetric} name={words} />}
        legend={<Legend entries={[{ label: words(shown), color: '--muted' }, { label: 'p, right', color: '--muted', dashed: true }]} />}
        empty="Asking the server…" />
      <p class="foot">p: chance of a value at least as large without drift. A dot in the table: significant after correction over all columns of that day, and larger than the reference's own days differ.</p>
    </div>
  );
}
