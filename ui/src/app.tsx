import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { modelPath, route, type Alert, type Model, type Rollout } from './api';
import { FeedContext, useFeed, useRoute } from './feed';
import { usePlace, type Place } from './place';
import { rangeFrom, type Range } from './series';
import { marksOf, ViewContext, type View } from './view';
import { Alerts } from './parts/alerts';
import { Concept } from './parts/concept';
import { Drift } from './parts/drift';
import { Header } from './parts/header';
import { Jobs } from './parts/jobs';
import { Performance } from './parts/performance';
import { Quality } from './parts/quality';
import { Roles } from './parts/roles';
import { Rollouts } from './parts/rollouts';
import { Tiles } from './parts/tiles';
import { TimelinePart } from './parts/timeline';
import { Traffic } from './parts/traffic';

export function App(): JSX.Element {
  const feed = useFeed();
  const [place, change] = usePlace();
  const models = feed.status?.data.models ?? [];
  const chosen = models.find((model) => model.name === place.model)?.name ?? models[0]?.name;
  return (
    <FeedContext.Provider value={feed}>
      <Header place={place} change={change} model={chosen} />
      <main>
        {feed.error !== null && (
          <p class="failed banner" role="alert">{feed.error} {feed.status ? 'What is shown is what was known before.' : ''} The page keeps asking.</p>
        )}
        {feed.status === null && feed.error === null && <p class="empty">Asking the server…</p>}
        {feed.status !== null && chosen === undefined && (
          <p class="empty">No model is registered yet. Start the server with one, or POST to /api/v1/models/NAME/versions (see <a href="/docs">/docs</a>).</p>
        )}
        {chosen !== undefined && <ModelPage key={chosen} name={chosen} place={place} change={change} />}
      </main>
    </FeedContext.Provider>
  );
}

function ModelPage({ name, place, change }: { name: string; place: Place; change: (change: Partial<Place>) => void }): JSX.Element {
  return (
    <FeedContext.Consumer>
      {(feed) => <Parts name={name} place={place} change={change} now={feed.status?.data.clock === 'event' ? feed.status.data.event_time : (feed.status?.data.now ?? null)} />}
    </FeedContext.Consumer>
  );
}

function Parts({ name, place, change, now }: { name: string; place: Place; change: (change: Partial<Place>) => void; now: string | null }): JSX.Element {
  const model = useRoute<Model>(modelPath(name));
  const alerts = useRoute<{ alerts: Alert[] }>(route('/api/v1/alerts', { model: name }));
  const rollouts = useRoute<{ rollouts: Rollout[] }>(modelPath(name, '/rollouts'));
  const marks = useMemo(() => marksOf(alerts.answer, rollouts.answer), [alerts.answer, rollouts.answer]);
  const view: View | null = useMemo(() => model.answer && { model: model.answer, place, change, now, marks, span: spanOf(place.range, now) }, [model.answer, place, change, now, marks]);
  if (view === null) return <p class="empty">{model.error ?? 'Asking the server…'}</p>;
  return (
    <ViewContext.Provider value={view}>
      <div class="grid">
        <Tiles />
        <Roles />
        <Rollouts loaded={rollouts} />
        <Performance />
        <Alerts loaded={alerts} />
        <Traffic />
        <Drift />
        <Quality />
        <Concept />
        <Jobs />
        <TimelinePart />
      </div>
    </ViewContext.Provider>
  );
}

function spanOf(range: Range, now: string | null): [number | null, number | null] {
  const from = rangeFrom(range, now, 'hour');
  return from === undefined ? [null, null] : [Date.parse(from) / 1000, Date.parse(now as string) / 1000];
}
