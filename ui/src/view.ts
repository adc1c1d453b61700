// What every part needs to know to ask its own questions.
import { createContext } from 'preact';
import type { Answer, Alert, Model, Rollout } from './api';
import { modelPath, route } from './api';
import type { Mark } from './chart';
import { rangeFrom, type Range, type Window } from './series';
import type { Place } from './place';

export interface View {
  model: Answer<Model>;
  place: Place;
  change: (change: Partial<Place>) => void;
  now: string | null; // the newest time the server knows: event time when events drive its clock
  marks: Mark[];
  span: [number | null, number | null]; // of every chart, in seconds; null: as far as the data reach
}

export const ViewContext = createContext<View | null>(null);

export function seriesPath(view: View, kind: string, window: Window, query: { metric?: string; column?: string; version?: string } = {}): string {
  return route(modelPath(view.model.data.name, `/monitoring/${kind}`), { window, from: rangeFrom(view.place.range as Range, view.now, window), ...query });
}

// What happened to the model, for every chart.
export function marksOf(alerts: Answer<{ alerts: Alert[] }> | null, rollouts: Answer<{ rollouts: Rollout[] }> | null): Mark[] {
  const marks: Mark[] = [];
  for (const alert of alerts?.data.alerts ?? []) {
    if (alert.fired) marks.push({ at: alert.fired, label: `alert ${alert.id}: ${alertSummary(alert)}`, color: '--bad' });
  }
  for (const rollout of rollouts?.data.rollouts ?? []) {
    if (rollout.state === 'promoted' && rollout.ended) marks.push({ at: rollout.ended, label: `version ${rollout.candidate} promoted`, color: '--good' });
    if (rollout.state === 'rolled_back' && rollout.ended) marks.push({ at: rollout.ended, label: `version ${rollout.candidate} rolled back`, color: '--warn' });
  }
  return marks.sort((a, b) => (a.at < b.at ? -1 : 1));
}

export const alertSummary = (alert: Alert) => alert.annotations['summary'] || alert.rule;
