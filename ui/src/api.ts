// What the server's own API answers (docs/page.md names the routes), and how the page asks.

export interface Point {
  start: string;
  end: string;
  value: number | null;
  n: number;
  p_value: number | null;
  baseline: number | null;
  maturity: number;
  significant: boolean;
}
export interface Series {
  version: string;
  metric: string;
  column: string;
  segment: string;
  points: Point[];
}
export interface SeriesList {
  model: string;
  kind: string;
  window: string;
  series: Series[];
}
export interface RoleAssignment {
  version: string;
  epoch: number;
  since: string | null;
  by: string;
  reason: string;
}
export interface Model {
  name: string;
  ready: boolean;
  roles: Partial<Record<'champion' | 'challenger' | 'shadow', RoleAssignment>>;
  versions: string[];
  traffic: {
    epoch: number;
    experiment: string;
    arms: { version: string; arm: string; begin: number; end: number }[];
    shadows: string[];
  };
  signature: { task: string; columns: string[] } | null;
}
export interface Version {
  version: string;
  state: string;
  format: string;
  created: string | null;
  created_by: string;
  parent: string;
  trigger: string;
  training_rows: number;
  loaded: boolean;
  engine?: { name: string; reason: string; library: string; memory_bytes: number };
}
export interface Alert {
  id: string;
  rule: string;
  model: string;
  version: string;
  state: 'pending' | 'firing' | 'resolved';
  severity: 'info' | 'warning' | 'critical';
  labels: Record<string, string>;
  annotations: Record<string, string>;
  columns: string[];
  value: number | null;
  threshold: number | null;
  started: string | null;
  fired: string | null;
  ended: string | null;
  acknowledged: string | null;
  acknowledged_by: string;
  silenced_until: string | null;
}
export interface Rollout {
  id: string;
  candidate: string;
  champion: string;
  champion_epoch: number;
  state: string;
  step: number;
  steps: { share: number; duration_min_s: number; entities_min: number }[];
  ab_test: boolean;
  guardrail: string;
  alpha: number;
  started: string | null;
  step_started: string | null;
  ended: string | null;
  paused: boolean;
  reason: string;
  evidence: { difference: number | null; low: number | null; high: number | null; p_value: number | null } | null;
}
export interface GateReport {
  passed: boolean;
  metric: string;
  champion: number | null;
  candidate: number | null;
  difference: number | null;
  interval: [number | null, number | null];
  rows: number;
  positives: number;
  checks: { name: string; passed: boolean; detail: string }[];
}
export interface Job {
  id: string;
  trigger: string;
  reason: string;
  state: string;
  parent: string;
  created: string | null;
  started: string | null;
  ended: string | null;
  window_from: string | null;
  window_to: string | null;
  attempts: number;
  candidate: string;
  message: string;
  gate_report: GateReport | null;
}
export interface TimelineEvent {
  sequence: number;
  time: string | null;
  model: string;
  kind: string;
  subject: string;
  summary: string;
  by: string;
}
export interface Timeline {
  events: TimelineEvent[];
  next: string | null;
}
export interface Status {
  version: string;
  clock: 'wall' | 'event';
  started: string | null;
  uptime_s: number;
  now: string | null;
  event_time: string | null;
  control_time: string | null;
  alerts_firing: number;
  jobs_running: number;
  rollouts_running: number;
  predictions: Record<string, number>;
  log: Record<string, number>;
  net: Record<string, number>;
  counters: Record<string, number>;
  models: { name: string; ready: boolean; champion: string | null }[];
}

// An answer and the request that gave it: what a shown value points back to.
export interface Answer<T> {
  path: string;
  data: T;
}

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

const requestTimeoutMs = 20_000;

async function request<T>(path: string, init?: RequestInit): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, { cache: 'no-store', signal: AbortSignal.timeout(requestTimeoutMs), ...init });
  } catch (error) {
    const late = error instanceof DOMException && error.name === 'TimeoutError';
    throw new ApiError(0, late ? 'The server takes too long to answer.' : 'The server cannot be reached.');
  }
  const text = await response.text();
  if (!response.ok) {
    let detail = `HTTP ${response.status}`;
    try {
      const problem = JSON.parse(text) as { title?: string; detail?: string };
      detail = problem.detail || problem.title || detail;
    } catch {
      // Not a problem document (a proxy's error page, say): the status has to do.
    }
    throw new ApiError(response.status, detail);
  }
  return JSON.parse(text) as T;
}

export const ask = <T,>(path: string): Promise<Answer<T>> => request<T>(path).then((data) => ({ path, data }));

// Several parts of the page read the same route; within one round it is asked once.
const inFlight = new Map<string, { round: number; answer: Promise<Answer<unknown>> }>();
const rememberedMax = 200;

export function get<T>(path: string, round: number): Promise<Answer<T>> {
  const known = inFlight.get(path);
  if (known && known.round === round) return known.answer as Promise<Answer<T>>;
  const answer = ask<T>(path);
  inFlight.delete(path);
  inFlight.set(path, { round, answer });
  if (inFlight.size > rememberedMax) inFlight.delete(inFlight.keys().next().value as string);
  return answer;
}

export function post<T>(path: string, body: unknown): Promise<T> {
  return request<T>(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
}

export function route(path: string, query: Record<string, string | undefined> = {}): string {
  const pairs = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== '');
  return pairs.length === 0 ? path : `${path}?${new URLSearchParams(pairs)}`;
}

export const modelPath = (model: string, rest = '') => `/api/v1/models/${encodeURIComponent(model)}${rest}`;
