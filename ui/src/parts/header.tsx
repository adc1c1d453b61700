import type { JSX } from 'preact';
import { useContext } from 'preact/hooks';
import { Fact } from '../fact';
import { FeedContext } from '../feed';
import { Choice, Select } from '../pieces';
import { windowFor, type Place } from '../place';
import { ranges } from '../series';

const places = ['performance', 'alerts', 'traffic', 'drift', 'quality', 'concept', 'jobs', 'timeline'];

export function Header({ place, change, model }: { place: Place; change: (change: Partial<Place>) => void; model: string | undefined }): JSX.Element {
  const { status, error } = useContext(FeedContext);
  const models = status?.data.models ?? [];
  const ready = models.find((known) => known.name === model)?.ready ?? false;
  return (
    <header class="top">
      <div class="bar">
        <span class="brand"><img src="/ui/icon.svg" alt="" width="20" height="20" />Vigil</span>
        {models.length > 0 && <Select label="model" options={models.map((known) => known.name)} value={model ?? ''} onChoose={(name) => change({ model: name, feature: '', metric: '' })} />}
        {model !== undefined && <span class={`chip ${ready ? 'good' : 'bad'}`}>{ready ? 'ready' : 'not ready'}</span>}
        <nav aria-label="parts of the page">{places.map((id) => <button class="link" key={id} onClick={() => document.getElementById(id)?.scrollIntoView({ behavior: 'smooth' })}>{id}</button>)}</nav>
        <span class="grow" />
        <Choice label="time range" options={ranges} value={place.range} onChoose={(range) => change({ range, window: windowFor(range) })} />
        <Choice label="window of traffic and quality" options={['hour', 'day'] as const} value={place.window === 'hour' ? 'hour' : 'day'} onChoose={(window) => change({ window })} />
      </div>
      {status && (
        <div class="bar facts">
          <span><i class={`dot ${error === null ? 'good' : 'bad'}`} />{error === null ? 'live' : 'unreachable'}</span>
          <span>version <Fact from={status} at="/version" /></span>
          <span>up <Fact from={status} at="/uptime_s" as="seconds" /></span>
          <span>clock <Fact from={status} at="/clock" /></span>
          {status.data.clock === 'event' && <span title="newest event time seen">events up to <Fact from={status} at="/event_time" as="time" /></span>}
          <span>judged up to <Fact from={status} at="/control_time" as="time" /></span>
          <span class="grow" />
          <span>log <Fact from={status} at="/log/records" as="count" /> records, <Fact from={status} at="/log/dropped" as="count" /> dropped</span>
          <span>jobs running <Fact from={status} at="/jobs_running" as="count" /></span>
          <span>rollouts running <Fact from={status} at="/rollouts_running" as="count" /></span>
          <span><a href="/docs">API</a> <a href="/metrics">metrics</a></span>
        </div>
      )}
    </header>
  );
}
