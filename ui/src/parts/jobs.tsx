import type { JSX } from 'preact';
import { useContext } from 'preact/hooks';
import { route, type Answer, type Job } from '../api';
import { Fact } from '../fact';
import { useRoute } from '../feed';
import { words } from '../format';
import { Card, Chip, Empty, Failed } from '../pieces';
import { ViewContext, type View } from '../view';

export function Jobs(): JSX.Element {
  const view = useContext(ViewContext) as View;
  const { answer, error } = useRoute<{ jobs: Job[] }>(route('/api/v1/jobs', { model: view.model.data.name, limit: '50' }));
  const jobs = answer?.data.jobs ?? [];
  return (
    <Card id="jobs" title="Retraining" note="newest first" span={6}>
      <Failed error={error} />
      {answer !== null && jobs.length === 0 && <Empty>No retraining yet. An alert that asks for it starts one, or a schedule, or POST …/retrain.</Empty>}
      <ul class="jobs">{jobs.map((job, i) => <One key={job.id} job={job} answer={answer!} at={(rest) => `/jobs/${i}${rest}`} />)}</ul>
    </Card>
  );
}

function One({ job, answer, at }: { job: Job; answer: Answer<{ jobs: Job[] }>; at: (rest: string) => string }): JSX.Element {
  const gate = job.gate_report;
  return (
    <li>
      <div class="headline">
        <Chip state={job.state} />
        <b class="grow">{job.candidate ? `v${job.parent} → v${job.candidate}` : `from v${job.parent}`}</b>
        <small class="minor">#<Fact from={answer} at={at('/id')} />, {job.trigger}</small>
      </div>
      <p>{job.reason}</p>
      <p class="minor">
        asked <Fact from={answer} at={at('/created')} as="time" />
        {job.ended && <>, ended <Fact from={answer} at={at('/ended')} as="time" /></>}
        {job.window_from && <>, rows of <Fact from={answer} at={at('/window_from')} as="day" /> to <Fact from={answer} at={at('/window_to')} as="day" /></>}
        {job.attempts > 1 && <>, attempt <Fact from={answer} at={at('/attempts')} as="count" /></>}
      </p>
      {gate ? (
        <details>
          <summary>
            gate: <span class={`chip ${gate.passed ? 'good' : 'bad'}`}>{gate.passed ? 'passed' : 'refused'}</span> {words(gate.metric)}{' '}
            <Fact from={answer} at={at('/gate_report/champion')} as="number" /> → <Fact from={answer} at={at('/gate_report/candidate')} as="number" />, difference{' '}
            <Fact from={answer} at={at('/gate_report/difference')} as="number" /> [<Fact from={answer} at={at('/gate_report/interval/0')} as="number" />,{' '}
            <Fact from={answer} at={at('/gate_report/interval/1')} as="number" />] on <Fact from={answer} at={at('/gate_report/rows')} as="count" /> rows,{' '}
            <Fact from={answer} at={at('/gate_report/positives')} as="count" /> positive
          </summary>
          <ul class="checks">{gate.checks.map((check) => (
            <li key={check.name}><span class={check.passed ? 'good' : 'bad'} aria-label={check.passed ? 'passed' : 'failed'}>{check.passed ? '✓' : '✗'}</span> <b>{words(check.name)}</b> <span class="minor">{check.detail}</span></li>
          ))}</ul>
        </details>
      ) : (
        job.message && <p class="minor">{job.message}</p>
      )}
    </li>
  );
}
