// Keeps the page current: the status is asked every few seconds while the page is seen; everything else only when the status says that
// something has moved, or after a while in any case.
import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import { ApiError, ask, get, type Answer, type Status } from './api';

const statusEveryMs = 2500;
const roundEveryMs = 5000;
const roundAtLatestMs = 30_000;

export interface Feed {
  status: Answer<Status> | null;
  error: string | null; // why the status could not be read
  round: number; // grows when the parts should ask again
  refresh: () => void;
}

// What moves when something worth asking for has happened.
function movement(status: Status): string {
  // Not `net`: the page's own requests move that.
  return JSON.stringify([status.started, status.event_time, status.control_time, status.predictions, status.counters,
    status.alerts_firing, status.jobs_running, status.rollouts_running, status.models]);
}

export function useFeed(): Feed {
  const [status, setStatus] = useState<Answer<Status> | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [round, setRound] = useState(0);
  const [asked, setAsked] = useState(0);

  useEffect(() => {
    let stopped = false;
    let timer = 0;
    let seen = '';
    let roundAt = Date.now();
    const turn = async () => {
      window.clearTimeout(timer);
      if (!document.hidden) {
        try {
          const answer = await ask<Status>('/api/v1/status');
          if (stopped) return;
          setStatus(answer);
          setError(null);
          const moved = movement(answer.data);
          const age = Date.now() - roundAt;
          if ((moved !== seen && age >= roundEveryMs) || age >= roundAtLatestMs) {
            seen = moved;
            roundAt = Date.now();
            setRound((before) => before + 1);
          } else if (seen === '') {
            seen = moved;
          }
        } catch (failure) {
          if (stopped) return;
          setError(failure instanceof Error ? failure.message : String(failure));
        }
      }
      timer = window.setTimeout(turn, statusEveryMs);
    };
    const onVisible = () => {
      if (!document.hidden) void turn();
    };
    void turn();
    document.addEventListener('visibilitychange', onVisible);
    return () => {
      stopped = true;
      window.clearTimeout(timer);
      document.removeEventListener('visibilitychange', onVisible);
    };
  }, [asked]);

  const refresh = () => {
    setAsked((before) => before + 1);
    setRound((before) => before + 1);
  };
  return { status, error, round, refresh };
}

export const FeedContext = createContext<Feed>({ status: null, error: null, round: 0, refresh: () => {} });

export interface Loaded<T> {
  answer: Answer<T> | null; // the last good one, kept while the next is under way
  error: string | null;
}

// Null: nothing to ask for yet.
export function useRoute<T>(path: string | null): Loaded<T> {
  const { round } = useContext(FeedContext);
  const [loaded, setLoaded] = useState<Loaded<T>>({ answer: null, error: null });
  useEffect(() => {
    if (path === null) return;
    let stopped = false;
    get<T>(path, round).then(
      (answer) => !stopped && setLoaded({ answer, error: null }),
      (failure: unknown) =>
        !stopped &&
        setLoaded((before) => ({
          answer: before.answer,
          error: failure instanceof ApiError ? failure.message : String(failure),
        })),
    );
    return () => {
      stopped = true;
    };
  }, [path, round]);
  return loaded;
}
