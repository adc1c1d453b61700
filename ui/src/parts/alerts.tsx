import type { JSX } from 'preact';
import { useContext, useState } from 'preact/hooks';
import { post, type Alert } from '../api';
import { Confirm } from '../confirm';
import { Fact } from '../fact';
import { FeedContext, type Loaded } from '../feed';
import { seconds } from '../format';
import { Card, Chip, Choice, Empty, Failed, Select } from '../pieces';
import { alertSummary, ViewContext, type View } from '../view';

const states = ['on', 'all'] as const;
const silences = [3600, 8 * 3600, 24 * 3600, 7 * 24 * 3600].map(String);
const columnsShown = 6;

export function Alerts({ loaded }: { loaded: Loaded<{ alerts: Alert[] }> }): JSX.Element {
  const view = useContext(ViewContext) as View;
  const [shown, setShown] = useState<(typeof states)[number]>('all');
  const { answer, error } = loaded;
  const list = answer?.data.alerts ?? [];
  const listed = list.map((alert, i) => ({ alert, i })).filter(({ alert }) => shown === 'all' || alert.state !== 'resolved')
    .sort((a, b) => Number(a.alert.state === 'resolved') - Number(b.alert.state === 'resolved'));
  return (
    <Card id="alerts" title="Alerts" span={4} controls={<Choice label="alerts shown" options={states} value={shown} onChoose={setShown} />}>
      <Failed error={error} />
      {answer !== null && listed.length === 0 && <Empty>{list.length === 0 ? `Nothing has alarmed about ${view.model.data.name} yet.` : 'None is on.'}</Empty>}
      <ul class="alerts">
        {listed.map(({ alert, i }) => <One key={alert.id} alert={alert} at={(rest) => `/alerts/${i}${rest}`} loaded={loaded} now={view.now} />)}
      </ul>
    </Card>
  );
}

function One({ alert, at, loaded, now }: { alert: Alert; at: (rest: string) => string; loaded: Loaded<{ alerts: Alert[] }>; now: string | null }): JSX.Element {
  const { refresh } = useContext(FeedContext);
  const [asking, setAsking] = useState<'ack' | 'silence' | null>(null);
  const [length, setLength] = useState(silences[1] as string);
  const from = loaded.answer!;
  const silenced = alert.silenced_until !== null && (now === null || alert.silenced_until > now);
  const send = async (what: 'ack' | 'silence', body: unknown) => {
    await post(`/api/v1/alerts/${encodeURIComponent(alert.id)}/${what}`, body);
    refresh();
  };
  return (
    <li class={`alert ${alert.state} ${alert.severity}`}>
      <div class="headline">
        <Chip state={alert.state} />
        {alert.state !== 'resolved' && <Chip state={alert.severity} />}
        <b class="grow">{alert.rule}</b>
        <small class="minor">#<Fact from={from} at={at('/id')} /></small>
      </div>
      <p>{alertSummary(alert)}</p>
      {alert.columns.length > 0 && (
        <p class="tags">{alert.columns.slice(0, columnsShown).map((column) => <span key={column}>{column}</span>)}
          {alert.columns.length > columnsShown && <span title={alert.columns.slice(columnsShown).join(', ')}>and {alert.columns.length - columnsShown} more</span>}</p>
      )}
      <p class="minor">
        value <Fact from={from} at={at('/value')} as="number" />, threshold <Fact from={from} at={at('/threshold')} as="number" />
        {(alert.labels['rules'] ?? alert.rule) !== alert.rule && <>, rules {alert.labels['rules']!.replaceAll(',', ', ')}</>}
        {alert.version && <>, version <Fact from={from} at={at('/version')} /></>}
      </p>
      <p class="minor">
        {alert.fired ? <>fired <Fact from={from} at={at('/fired')} as="time" /></> : <>began <Fact from={from} at={at('/started')} as="time" /></>}
        {alert.ended && <>, ended <Fact from={from} at={at('/ended')} as="time" /></>}
        {alert.acknowledged && <>, seen by {alert.acknowledged_by || 'somebody'}</>}
        {silenced && <>, silenced until <Fact from={from} at={at('/silenced_until')} as="time" /></>}
      </p>
      {alert.state !== 'resolved' && (
        <div class="buttons">
          {!alert.acknowledged && <button onClick={() => setAsking('ack')}>Acknowledge</button>}
          <button onClick={() => setAsking('silence')}>{silenced ? 'Silence longer' : 'Silence'}</button>
        </div>
      )}
      {asking === 'ack' && (
        <Confirm title={`Acknowledge alert ${alert.id}?`} action="Acknowledge" onClose={() => setAsking(null)} onConfirm={() => send('ack', {})}>
          <p>{alertSummary(alert)}</p><p class="minor">The timeline will say that somebody has seen it. It stays on until its rule clears.</p>
        </Confirm>
      )}
      {asking === 'silence' && (
        <Confirm title={`Silence alert ${alert.id}?`} action="Silence" onClose={() => setAsking(null)} onConfirm={() => send('silence', { seconds: Number(length) })}>
          <p>{alertSummary(alert)}</p>
          <p>No notifications for <Select label="how long" options={silences} value={length} onChoose={setLength} name={(s) => seconds(Number(s))} />, by the server's clock.</p>
        </Confirm>
      )}
    </li>
  );
}
