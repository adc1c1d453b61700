// What the page is looking at, kept in the URL's hash so that it can be linked to and survives a reload.
import { useCallback, useEffect, useState } from 'preact/hooks';
import { ranges, type Range, type Window } from './series';

export interface Place {
  model: string;
  range: Range;
  window: Window;
  metric: string;
  feature: string;
}

const windows: Window[] = ['hour', 'day'];

function read(): Place {
  const hash = new URLSearchParams(location.hash.slice(1));
  const range = ranges.find((known) => known === hash.get('range')) ?? '30d';
  return {
    model: hash.get('model') ?? '',
    range,
    window: windows.find((known) => known === hash.get('window')) ?? windowFor(range),
    metric: hash.get('metric') ?? '',
    feature: hash.get('feature') ?? '',
  };
}

export const windowFor = (range: Range): Window => (range === '1d' || range === '7d' ? 'hour' : 'day');

export function usePlace(): [Place, (change: Partial<Place>) => void] {
  const [place, setPlace] = useState(read);
  useEffect(() => {
    const onHash = () => setPlace(read());
    window.addEventListener('hashchange', onHash);
    return () => window.removeEventListener('hashchange', onHash);
  }, []);
  const change = useCallback((wanted: Partial<Place>) => {
    const next = { ...read(), ...wanted };
    const pairs = Object.entries(next).filter(([, value]) => value !== '');
    history.replaceState(null, '', `#${new URLSearchParams(pairs)}`);
    setPlace(next);
  }, []);
  return [place, change];
}
