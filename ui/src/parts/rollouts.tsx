// The rollout under way (or the last one): where it stands, why, and what the evidence says about harm.
import type { JSX } from 'preact';
import { useContext, useState } from 'preact/hooks';
import { modelPath, post, type Answer, type Rollout } from '../api';
import { Confirm } from '../confirm';
import { Fact } from '../fact';
import { FeedContext, type Loaded } from '../feed';
import { display } from '../format';
import { Card, Chip, Empty, Failed } from '../pieces';
import { ViewContext, type View } from '../view';

const ended = new Set(['promoted', 'rolled_back', 'failed']);

export function Rollouts({ loaded }: { loaded: Loaded<{ rollouts: Rollout[] }> }): JSX.Element {
  const { answer, error } = loaded;
  const list = answer?.data.rollouts ?? [];
  const order = list.map((_, i) => i).sort((a, b) => {
    const open = Number(ended.has(list[a]!.state)) - Number(ended.has(list[b]!.state));
    return open !== 0 ? open : (list[b]!.started ?? '').localeCompare(list[a]!.started ?? '');
  });
  const first = order[0];
  return (
    <Card id="rollouts" title="Rollout" span={7} note={first === undefined ? undefined : ended.has(list[first]!.state) ? 'the last one' : 'under way'}>
      <Failed error={error} />
      {first === undefined ? (
        <Empty>No rollout yet. One begins when a retrained candidate passes the gate, or through the API.</Empty>
      ) : (
        <One answer={answer!} index={first} />
      )}
      {order.length > 1 && (
        <details>
          <summary>{order.length - 1} earlier</summary>
          <ul class="plain">
            {order.slice(1).map((i) => (
              <li key={list[i]!.id}>
                <Chip state={list[i]!.state} /> v{list[i]!.candidate} against v{list[i]!.champion}, <Fact from={answer!} at={`/rollouts/${i}/started`} as="time" />{' '}
                <span class="minor">{list[i]!.reason}</span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </Card>
  );
}

function One({ answer, index }: { answer: Answer<{ rollouts: Rollout[] }>; index: number }): JSX.Element {
  const rollout = answer.data.rollouts[index]!;
  const at = (rest: string) => `/rollouts/${index}${rest}`;
  return (
    <div class="rollout">
      <p class="headline">
        <Chip state={rollout.state} />{rollout.paused && <Chip state="pending">paused</Chip>}
        <b>version {rollout.candidate}</b> against version {rollout.champion}
        <span class="minor">since <Fact from={answer} at={at('/started')} as="time" />{rollout.ended && <>, ended <Fact from={answer} at={at('/ended')} as="time" /></>}</span>
      </p>
      {rollout.reason && <p class="reason">{rollout.reason}</p>}
      <ol class="steps" aria-label="steps">
        {rollout.steps.map((step, i) => {
          const place = ended.has(rollout.state) ? (rollout.state === 'promoted' || i < rollout.step ? 'past' : i === rollout.step ? 'stopped' : 'ahead') : i < rollout.step ? 'past' : i === rollout.step ? 'now' : 'ahead';
          return (
            <li key={i} class={place} aria-current={place === 'now' ? 'step' : undefined}>
              <b>{step.share === 0 ? 'shadow' : <Fact from={answer} at={at(`/steps/${i}/share`)} as="share" />}</b>
              <small>≥ <Fact from={answer} at={at(`/steps/${i}/duration_min_s`)} as="seconds" />, <Fact from={answer} at={at(`/steps/${i}/entities_min`)} as="count" /> {step.share === 0 ? 'pairs' : 'entities'}</small>
            </li>
          );
        })}
      </ol>
      {rollout.evidence ? (
        <div class="evidence">
          <Interval low={rollout.evidence.low} high={rollout.evidence.high} middle={rollout.evidence.difference} />
          <dl>
            <dt>harm in {rollout.guardrail.replace('_', ' ')}</dt><dd><Fact from={answer} at={at('/evidence/difference')} as="number" /></dd>
            <dt>confidence sequence</dt><dd>[<Fact from={answer} at={at('/evidence/low')} as="number" />, <Fact from={answer} at={at('/evidence/high')} as="number" />] at α <Fact from={answer} at={at('/alpha')} as="number" /></dd>
            <dt>p</dt><dd><Fact from={answer} at={at('/evidence/p_value')} as="pValue" /></dd>
          </dl>
        </div>
      ) : (
        <p class="minor">No interval yet: it appears once enough labelled outcomes of both versions are in.</p>
      )}
      {!ended.has(rollout.state) && <Actions rollout={rollout} />}
    </div>
  );
}

const consequences = {
  pause: 'Shares stay as they are until it is resumed. Protection stays on: harm still rolls it back.',
  resume: 'It goes on where it was paused.',
  abort: 'All traffic goes back to the champion, and this rollout ends.',
  promote: 'The candidate becomes champion now, whatever the evidence says.',
};
type Action = keyof typeof consequences;

function Actions({ rollout }: { rollout: Rollout }): JSX.Element {
  const { refresh } = useContext(FeedContext);
  const { model } = useContext(ViewContext) as View;
  const [asking, setAsking] = useState<Action | null>(null);
  const actions: Action[] = [rollout.paused ? 'resume' : 'pause', 'abort', 'promote'];
  const name = (action: Action) => action[0]!.toUpperCase() + action.slice(1);
  const send = async (action: Action) => {
    await post(modelPath(model.data.name, `/rollouts/${encodeURIComponent(rollout.id)}/${action}`), {});
    refresh();
  };
  return (
    <div class="buttons">
      {actions.map((action) => <button key={action} onClick={() => setAsking(action)}>{name(action)}</button>)}
      {asking !== null && (
        <Confirm title={`${name(asking)} the rollout of version ${rollout.candidate}?`} action={name(asking)} onClose={() => setAsking(null)} onConfirm={() => send(asking)}>
          <p>{consequences[asking]}</p>
        </Confirm>
      )}
    </div>
  );
}

// The interval against zero: wholly left of it, the candidate is better.
function Interval({ low, high, middle }: { low: number | null; high: number | null; middle: number | null }): JSX.Element | null {
  if (low === null || high === null || middle === null) return null;
  const reach = Math.max(Math.abs(low), Math.abs(high)) * 1.15 || 1;
  const x = (value: number) => 150 + (value / reach) * 140;
  const tone = high < 0 ? '--good' : low > 0 ? '--bad' : '--busy';
  return (
    <svg viewBox="0 0 300 44" class="interval" role="img" aria-label={`interval from ${display(low, 'number')} to ${display(high, 'number')}`}>
      <line x1="150" x2="150" y1="2" y2="30" class="zero" />
      <line x1={x(low)} x2={x(high)} y1="16" y2="16" style={{ stroke: `var(${tone})` }} stroke-width="4" stroke-linecap="round" />
      <circle cx={x(middle)} cy="16" r="5" style={{ fill: `var(${tone})` }} />
      <text x="10" y="41">candidate better</text>
      <text x="290" y="41" text-anchor="end">candidate worse</text>
    </svg>
  );
}
