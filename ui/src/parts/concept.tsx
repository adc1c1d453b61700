// Does the model err more than it did in its first matured week? Errors by day, and the CUSUM that adds them up.
import type { JSX } from 'preact';
import { useContext, useMemo } from 'preact/hooks';
import type { SeriesList } from '../api';
import { Chart, type Line, type Mark } from '../chart';
import { useRoute } from '../feed';
import { Card, Failed, Legend } from '../pieces';
import { tracks } from '../series';
import { versionColor } from '../theme';
import { seriesPath, ViewContext, type View } from '../view';

export function Concept(): JSX.Element {
  const view = useContext(ViewContext) as View;
  const { answer, error } = useRoute<SeriesList>(seriesPath(view, 'concept', 'day'));
  const versions = view.model.data.versions;
  const { cusum, errors, marks } = useMemo(() => {
    const color = (version: string) => versionColor(versions, version);
    const sums = tracks(answer, { metric: 'cusum' });
    return {
      cusum: sums.map((track): Line => ({ track, label: `v${track.version}`, color: color(track.version), width: 2, fill: true })),
      errors: tracks(answer, { metric: 'error_rate' }).flatMap((track): Line[] => [
        { track, label: `v${track.version}`, color: color(track.version), width: 2 },
        { track, label: `v${track.version} baseline`, color: color(track.version), width: 1, dash: [1, 3], field: 'baseline', quiet: true },
      ]),
      marks: sums.flatMap((track) => track.points.flatMap((point, i): Mark[] => {
        const began = point.significant && !track.points[i - 1]?.significant;
        return began ? [{ at: point.start, label: `v${track.version}: the concept has drifted`, color: '--bad' }] : [];
      })),
    };
  }, [answer, versions]);
  const empty = answer === null ? 'Asking the server…' : 'No matured labels in this range. The baseline is the version\'s first matured week.';
  return (
    <Card id="concept" title="Concept drift" note="matured labels, by day of prediction" span={5}>
      <Failed error={error} />
      <Chart span={view.span} title="CUSUM of errors" lines={cusum} show="number" floor={0} marks={marks} height={210} fields={['n', 'significant']} empty={empty}
        legend={<Legend entries={cusum.map(({ label, color }) => ({ label, color }))} />} />
      <Chart span={view.span} title="error rate" lines={errors} show="share" floor={0} marks={view.marks} height={160} fields={['n', 'baseline']} empty={empty} />
    </Card>
  );
}
