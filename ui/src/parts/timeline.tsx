// What happened, by whom and why; newest first, older pages by the server's cursor.
import type { JSX } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import { ask, route, type Answer, type Timeline } from '../api';
import { Fact } from '../fact';
import { useRoute } from '../feed';
import { Card, Choice, Empty, Failed } from '../pieces';
import { ViewContext, type View } from '../view';

const pageSize = '25';
const scopes = ['model', 'server'] as const;

function tone(kind: string): string {
  if (/fired|failed|refused|lost|rolled_back|dropped/.test(kind)) return 'bad';
  if (/promoted|resolved|done|registered/.test(kind)) return 'good';
  return kind.startsWith('rollout') || kind.startsWith('role') ? 'busy' : 'calm';
}

export function TimelinePart(): JSX.Element {
  const view = useContext(ViewContext) as View;
  const [scope, setScope] = useState<(typeof scopes)[number]>('model');
  const query = { model: scope === 'model' ? view.model.data.name : '', limit: pageSize };
  const path = route('/api/v1/timeline', query);
  const { answer, error } = useRoute<Timeline>(path);
  const [depth, setDepth] = useState(0); // older pages asked for
  const [older, setOlder] = useState<Answer<Timeline>[]>([]);
  const [failed, setFailed] = useState<string | null>(null);
  useEffect(() => setDepth(0), [path]);

  // Older pages hang on the first one's cursor: when that moves on, they are read again, so that nothing falls between.
  useEffect(() => {
    if (depth === 0 || !answer) {
      setOlder([]);
      return;
    }
    let stopped = false;
    const read = async () => {
      const pages: Answer<Timeline>[] = [];
      for (let next = answer.data.next; next !== null && pages.length < depth; next = pages[pages.length - 1]!.data.next) {
        pages.push(await ask<Timeline>(route('/api/v1/timeline', { ...query, cursor: next })));
      }
      if (!stopped) setOlder(pages);
    };
    read().then(() => !stopped && setFailed(null), (failure: unknown) => !stopped && setFailed(failure instanceof Error ? failure.message : String(failure)));
    return () => {
      stopped = true;
    };
  }, [answer, depth]);

  const pages = answer ? [answer, ...older] : [];
  const seen = new Set<number>();
  const entries = pages.flatMap((page) => page.data.events.flatMap((event, i) => {
    if (seen.has(event.sequence)) return [];
    seen.add(event.sequence);
    return [{ page, event, at: (rest: string) => `/events/${i}${rest}` }];
  }));
  const last = pages[pages.length - 1];
  return (
    <Card id="timeline" title="Timeline" note="who did what, and why" span={6} controls={<Choice label="events of" options={scopes} value={scope} onChoose={setScope} name={(s) => (s === 'model' ? 'this model' : 'everything')} />}>
      <Failed error={error ?? failed} />
      {answer !== null && entries.length === 0 && <Empty>Nothing has happened yet.</Empty>}
      <ol class="timeline">
        {entries.map(({ page, event, at }) => (
          <li key={event.sequence}>
            <i class={`dot ${tone(event.kind)}`} />
            <Fact class="when" from={page} at={at('/time')} as="time" />
            <div><span class="kind">{event.kind}</span> {event.summary} {event.by && <span class="minor">by {event.by}</span>}</div>
          </li>
        ))}
      </ol>
      {last?.data.next && <button class="wide" onClick={() => setDepth(depth + 1)}>Older</button>}
    </Card>
  );
}
