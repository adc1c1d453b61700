// A stand-in for the server, for work on the page and its test: answers in the shapes of the real routes, with a made-up month and a half of
// card payments in which fraud changes on day 24.   usage: node mock/server.mjs [--port 8090] [--state full|empty|young] [--live]
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: { port: { type: 'string', default: '8090' }, state: { type: 'string', default: 'full' }, live: { type: 'boolean', default: false } },
});
const dist = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist');

const dayMs = 86_400_000, hourMs = 3_600_000;
const firstDay = Date.parse('2018-05-14T00:00:00Z');
const days = options.state === 'young' ? 4 : 52;
const changeDay = 24, shadowDay = 41, promotedDay = 44, labelDelay = 7;
const features = ['amount', 'during_weekend', 'during_night', 'customer_nb_tx_1d', 'customer_nb_tx_7d', 'customer_nb_tx_30d', 'customer_avg_amount_1d',
  'customer_avg_amount_7d', 'customer_avg_amount_30d', 'terminal_nb_tx_1d', 'terminal_nb_tx_7d', 'terminal_nb_tx_30d', 'terminal_risk_1d', 'terminal_risk_7d', 'terminal_risk_30d'];
const drifting = { terminal_risk_1d: 0.14, terminal_risk_7d: 0.32, terminal_risk_30d: 0.09, amount: 0.035 };

const iso = (ms) => new Date(ms).toISOString().replace('.000Z', 'Z');
// The same number for the same place, whenever asked.
function noise(...key) {
  let h = 2166136261;
  for (const c of key.join('|')) h = Math.imul(h ^ c.charCodeAt(0), 16777619);
  h = Math.imul(h ^ (h >>> 15), 2246822507);
  return ((h ^ (h >>> 13)) >>> 0) / 4294967296;
}
let liveDays = 0;
const lastDay = () => days + liveDays;
const nowMs = () => firstDay + lastDay() * dayMs - 17 * 60_000;

function point(start, length, value, n, more = {}) {
  return { start: iso(start), end: iso(start + length), value, n, p_value: null, baseline: null, maturity: 1, significant: false, ...more };
}
const versionsAt = (day) => [day < promotedDay ? ['2', 1] : ['3', 1], ...(day >= shadowDay && day < promotedDay ? [['3', day < shadowDay + 1 ? 1 : 0.1 + 0.4 * (day - shadowDay - 1)]] : [])];

function windows(length) {
  const out = [];
  for (let at = firstDay; at < firstDay + lastDay() * dayMs && at <= nowMs(); at += length) out.push(at);
  return out;
}

class Book {
  series = new Map();
  add(version, metric, column, value) {
    const key = [version, metric, column].join('\n');
    if (!this.series.has(key)) this.series.set(key, { version, metric, column, segment: '', points: [] });
    this.series.get(key).points.push(value);
  }
  list() {
    return [...this.series.keys()].sort().map((key) => this.series.get(key));
  }
}

const makers = {
  traffic(book, length) {
    for (const at of windows(length)) {
      const day = Math.floor((at - firstDay) / dayMs), hour = (at % dayMs) / hourMs;
      const wave = length === dayMs ? 1 : 1 + 0.8 * Math.sin(((hour - 8) / 24) * 2 * Math.PI);
      for (const [version, share] of versionsAt(day)) {
        const rows = Math.round(9500 * share * wave * (length / dayMs) * (0.94 + 0.12 * noise('rows', at, version)) * (day % 7 > 4 ? 0.9 : 1));
        const refused = Math.round(rows * 0.0006 * noise('refused', at, version)), asked = rows + refused;
        const p50 = Math.round(38 + 8 * noise('p50', at, version)), p99 = Math.round(180 + 90 * noise('p99', at, version) + (noise('spike', at) > 0.97 ? 400 : 0));
        book.add(version, 'rows', '', point(at, length, rows, rows));
        book.add(version, 'rows_per_second', '', point(at, length, rows / (length / 1000), rows));
        book.add(version, 'refused_rows', '', point(at, length, refused, asked));
        book.add(version, 'refused_share', '', point(at, length, refused / asked, asked));
        book.add(version, 'failure_share', '', point(at, length, 0, asked));
        book.add(version, 'latency_p50_us', '', point(at, length, p50, rows));
        book.add(version, 'latency_p95_us', '', point(at, length, Math.round((p50 + p99) / 2), rows));
        book.add(version, 'latency_p99_us', '', point(at, length, p99, rows));
      }
    }
  },
  quality(book, length) {
    for (const at of windows(length)) {
      const day = Math.floor((at - firstDay) / dayMs);
      for (const [version] of versionsAt(day)) {
        const n = Math.round(9500 * (length / dayMs));
        book.add(version, 'cleaned_share', '', point(at, length, 0.0008 * noise('clean', at), n));
        const outliers = 0.001 + 0.0012 * noise('out', at) + (day >= changeDay && version === '2' ? 0.011 : 0);
        book.add(version, 'outlier_share', '', point(at, length, outliers, n, { baseline: 0.001, p_value: outliers > 0.01 ? 1e-9 : 0.3, significant: outliers > 0.01 }));
        for (const column of features) {
          const broken = column === 'customer_avg_amount_7d' && day >= 15 && day < 17;
          const missing = broken ? 0.081 : column.endsWith('30d') ? 0.0009 * noise('m', at, column) : 0;
          book.add(version, 'missing_share', column, point(at, length, missing, n, { baseline: 0, p_value: broken ? 0 : 1, significant: broken }));
          const range = column === 'amount' ? 0.004 * noise('r', at) : 0;
          book.add(version, 'out_of_range_share', column, point(at, length, range, n, { baseline: 0, p_value: 1 }));
        }
      }
    }
  },
  drift(book, length) {
    for (const at of windows(length)) {
      const day = Math.floor((at - firstDay) / dayMs);
      for (const [version] of versionsAt(day)) {
        const n = 9500;
        let drifted = 0;
        for (const column of [...features, 'score']) {
          const gone = version === '2' && day >= changeDay ? Math.min(1, (day - changeDay + 1) / 3) : 0;
          const psi = 0.0015 + 0.005 * noise('psi', at, column) + gone * (column === 'score' ? 0.06 : (drifting[column] ?? 0)) * (0.85 + 0.3 * noise('w', at, column)) + (column === 'during_weekend' && day % 7 > 4 ? 0.3 : 0);
          const p = psi > 0.02 ? Math.pow(10, -psi * 90) : 0.02 + 0.9 * noise('p', at, column);
          const significant = psi > 0.02 && column !== 'during_weekend';
          drifted += significant && column !== 'score' ? 1 : 0;
          const more = { p_value: p, significant };
          book.add(version, 'psi', column, point(at, length, psi, n, more));
          book.add(version, 'js', column, point(at, length, Math.sqrt(psi / 8), n, more));
          book.add(version, 'ks', column, point(at, length, Math.sqrt(psi) / 4, n, more));
          book.add(version, 'chi2', column, point(at, length, psi * n, n, more));
          if (column !== 'score') book.add(version, 'mean_shift', column, point(at, length, Math.sqrt(psi) * 0.7 - 0.02, n));
        }
        book.add(version, 'drifted_share', '', point(at, length, drifted / features.length, n, { significant: drifted > 0 }));
      }
    }
  },
  performance(book, length) {
    for (const at of windows(length)) {
      const day = Math.floor((at - firstDay) / dayMs), age = (nowMs() - at) / dayMs;
      for (const [version] of versionsAt(day)) {
        const maturity = age > labelDelay + 1 ? 1 : age > labelDelay ? 0.82 : age > labelDelay - 1 ? 0.31 : 0;
        const predicted = 9500, n = Math.round(predicted * maturity);
        const more = { maturity: n / predicted };
        book.add(version, 'labelled_share', '', point(at, length, n / predicted, predicted, more));
        if (n < 30) continue;
        const worse = version === '2' && day >= changeDay ? 1 : 0;
        const base = { average_precision: [0.71, 0.27], roc_auc: [0.952, 0.11], log_loss: [0.021, -0.019], brier: [0.0048, -0.003], recall: [0.66, 0.3], precision: [0.83, 0.1], f1: [0.735, 0.22] };
        for (const [metric, [level, fall]] of Object.entries(base)) {
          const value = level - worse * fall + Math.abs(level) * 0.05 * (noise(metric, at, version) - 0.5);
          book.add(version, metric, '', point(at, length, value, n, { ...more, baseline: day > 8 ? level : null }));
        }
      }
    }
  },
  concept(book) {
    let sum = 0;
    for (const at of windows(dayMs)) {
      const day = Math.floor((at - firstDay) / dayMs);
      if ((nowMs() - at) / dayMs <= labelDelay + 1) continue;
      const version = day < promotedDay ? '2' : '3';
      const rate = 0.0051 + 0.0008 * noise('e', at) + (version === '2' && day >= changeDay ? 0.0063 : 0);
      book.add(version, 'error_rate', '', point(at, dayMs, rate, 9500, { baseline: day > 7 ? 0.0054 : null }));
      if (day <= 7) continue;
      sum = version === '3' ? 0 : Math.max(0, Math.min(11.512925, sum + (rate - 0.0078) * 900));
      book.add(version, 'cusum', '', point(at, dayMs, sum, 9500, { significant: sum > 11.5 }));
    }
  },
};

const atDay = (day, hours = 0) => iso(firstDay + day * dayMs + hours * hourMs);
const gate = (passed) => ({ passed, metric: 'average_precision', champion: 0.4417, candidate: passed ? 0.6892 : 0.4431, difference: passed ? 0.2475 : 0.0014,
  interval: passed ? [0.2011, 0.2893] : [-0.0182, 0.0214], rows: 21873, positives: 187, champion_epoch: 1,
  checks: [{ name: 'rows', passed: true, detail: '21873 rows, at least 500' }, { name: 'positives', passed: true, detail: '187 positives, at least 20' },
    { name: 'parity', passed: true, detail: 'largest difference to the trainer 3.0e-08' },
    { name: 'metric', passed, detail: passed ? 'average_precision 0.6892 against 0.4417: difference 0.2475, 95% interval [0.2011, 0.2893]' : 'difference 0.0014, 95% interval [-0.0182, 0.0214] is not above 0' },
    { name: 'calibration', passed: true, detail: 'expected calibration error 0.0021' }, { name: 'latency', passed: true, detail: '6.1 us against 5.8 us a row' }] });

const firing = options.state === 'full';
const alerts = firing ? [
  { id: '3', rule: 'data_quality', model: 'fraud', version: '3', state: 'firing', severity: 'warning', labels: { alertname: 'data_quality', model: 'fraud' },
    annotations: { summary: 'missing_share of customer_avg_amount_7d is 0.081' }, columns: ['customer_avg_amount_7d'], value: 0.081, threshold: 0.005,
    started: atDay(51, 3), fired: atDay(51, 4), ended: null, acknowledged: null, acknowledged_by: '', silenced_until: null },
  { id: '2', rule: 'performance_fell', model: 'fraud', version: '2', state: 'resolved', severity: 'critical', labels: { alertname: 'performance_fell', model: 'fraud', kinds: 'drift,performance,concept' },
    annotations: { summary: 'average_precision is 0.44, first week 0.71; drift of terminal_risk_7d, terminal_risk_1d, terminal_risk_30d' },
    columns: ['terminal_risk_7d', 'terminal_risk_1d', 'terminal_risk_30d', 'amount'], value: 0.4417, threshold: 0.5712, started: atDay(31, 2), fired: atDay(32, 0.1), ended: atDay(50, 0.1),
    acknowledged: atDay(33, 9), acknowledged_by: 'dana', silenced_until: null },
  { id: '1', rule: 'data_quality', model: 'fraud', version: '2', state: 'resolved', severity: 'warning', labels: { alertname: 'data_quality', model: 'fraud' },
    annotations: { summary: 'missing_share of customer_avg_amount_7d is 0.081' }, columns: ['customer_avg_amount_7d'], value: 0.081, threshold: 0.005, started: atDay(15, 1), fired: atDay(15, 2), ended: atDay(17, 4),
    acknowledged: null, acknowledged_by: '', silenced_until: null }] : [];
const steps = [{ share: 0, duration_min_s: 86400, entities_min: 2000 }, { share: 0.1, duration_min_s: 86400, entities_min: 200 }, { share: 0.5, duration_min_s: 86400, entities_min: 1000 }];
const rollouts = firing ? [
  { id: '1', model: 'fraud', candidate: '3', champion: '2', champion_epoch: 2, state: 'promoted', step: 2, steps, ab_test: false, guardrail: 'log_loss', alpha: 0.05, started: atDay(shadowDay),
    step_started: atDay(43), ended: atDay(promotedDay), paused: false, reason: 'no harm: the interval of the difference in log_loss [-0.0211, -0.0142] lies below 0.005 after 3 of 3 steps',
    evidence: { difference: -0.0176, low: -0.0211, high: -0.0142, p_value: 1.4e-9 } },
  { id: '2', model: 'fraud', candidate: '4', champion: '3', champion_epoch: 3, state: 'ramping', step: 1, steps, ab_test: false, guardrail: 'log_loss', alpha: 0.05, started: atDay(50),
    step_started: atDay(51), ended: null, paused: false, reason: '10 % of entities: 163 of 200 have a matured outcome', evidence: { difference: -0.0009, low: -0.0061, high: 0.0043, p_value: 0.41 } }] : [];
const job = (id, more) => ({ id, model: 'fraud', trigger: 'alert/2', reason: '', state: 'done', parent: '2', champion_epoch: 2, created: null, started: null, ended: null, window_from: null, window_to: null, as_of: null, attempts: 1, candidate: '', message: '', gate_report: null, ...more });
const jobs = firing ? [
  job('3', { trigger: 'manual', reason: 'weekly refresh, asked for by dana', parent: '3', champion_epoch: 3, created: atDay(49, 8), started: atDay(49, 8), ended: atDay(49, 8.2), window_from: atDay(20), window_to: atDay(42), as_of: atDay(49, 8), candidate: '4', gate_report: gate(true) }),
  job('2', { reason: 'alert 2 (performance_fell) and 8 days of matured labels since the change', created: atDay(39), started: atDay(40), ended: atDay(40, 0.3), window_from: atDay(24), window_to: atDay(33), as_of: atDay(40), candidate: '3', attempts: 2, gate_report: gate(true), message: 'the gate passed' }),
  job('1', { reason: 'alert 2 (performance_fell)', state: 'refused', created: atDay(34), started: atDay(34), ended: atDay(34, 0.2), window_from: atDay(4), window_to: atDay(27), as_of: atDay(34), candidate: '', gate_report: gate(false), message: 'the gate refused it' })] : [];

const events = [];
const tell = (time, kind, subject, summary, by, model = 'fraud') => events.push({ sequence: events.length + 1, time, model, kind, subject, summary, by, detail: null });
tell(atDay(-2), 'model.registered', '1', 'version 1 registered from file:///models/fraud-1.ubj', 'dana');
tell(atDay(-1), 'model.registered', '2', 'version 2 registered from file:///models/fraud-2.ubj', 'dana');
tell(atDay(0), 'role.changed', '2', 'champion: version 2 (epoch 2), first model', 'dana');
if (firing) {
  for (let day = 1; day < 15; ++day) tell(atDay(day, 9), 'log.maintenance', '', `log: segment of day ${day} sealed`, 'control loop');
  tell(atDay(15, 2), 'alert.fired', '1', 'alert: missing_share of customer_avg_amount_7d is 0.081', 'control loop');
  tell(atDay(17, 4), 'alert.resolved', '1', 'resolved: missing_share of customer_avg_amount_7d is 0.081', 'control loop');
  tell(atDay(32, 0.1), 'alert.fired', '2', 'alert: average_precision is 0.44, first week 0.71', 'control loop');
  tell(atDay(33, 9), 'alert.acknowledged', '2', 'alert 2 acknowledged by dana', 'dana', '');
  tell(atDay(34), 'job.started', '1', 'retraining 1 started: alert 2 (performance_fell)', 'retraining');
  tell(atDay(34, 0.2), 'job.refused', '1', 'retraining 1: refused, difference 0.0014, 95% interval [-0.0182, 0.0214] is not above 0', 'retraining');
  tell(atDay(40), 'job.started', '2', 'retraining 2 started: alert 2 and 8 days of matured labels since the change', 'retraining');
  tell(atDay(40, 0.3), 'job.done', '2', 'retraining 2 made version 3: done, average_precision 0.6892 against 0.4417', 'retraining');
  tell(atDay(41), 'rollout.shadowing', '1', 'rollout 1 of version 3: shadowing', 'rollout policy');
  tell(atDay(42), 'rollout.ramping', '1', 'rollout 1 of version 3: ramping (10 % of entities)', 'rollout policy');
  tell(atDay(43), 'rollout.ramping', '1', 'rollout 1 of version 3: ramping (50 % of entities)', 'rollout policy');
  tell(atDay(44), 'rollout.promoted', '1', 'rollout 1 of version 3: promoted (no harm, interval [-0.0211, -0.0142])', 'rollout policy');
  tell(atDay(44), 'role.changed', '3', 'champion: version 3 (epoch 3), rollout 1', 'rollout policy');
  tell(atDay(50, 0.1), 'alert.resolved', '2', 'resolved: average_precision is back at 0.70', 'control loop');
  tell(atDay(50), 'rollout.shadowing', '2', 'rollout 2 of version 4: shadowing', 'rollout policy');
  tell(atDay(51, 4), 'alert.fired', '3', 'alert: missing_share of customer_avg_amount_7d is 0.081', 'control loop');
}

const champion = firing ? '3' : '2';
const model = () => ({ name: 'fraud', ready: true,
  roles: { champion: { version: champion, epoch: firing ? 3 : 2, since: firing ? atDay(promotedDay) : atDay(0), by: firing ? 'rollout policy' : 'dana', reason: firing ? 'rollout 1: no harm in log_loss' : 'first model' },
    ...(firing ? { challenger: { version: '4', epoch: 1, since: atDay(50), by: 'rollout policy', reason: 'rollout 2' } } : {}) },
  versions: firing ? ['1', '2', '3', '4'] : ['1', '2'],
  traffic: { epoch: 3, experiment: firing ? '2' : '', arms: firing ? [{ version: '4', arm: 'canary', begin: 0, end: 0.1 }, { version: '3', arm: 'champion', begin: 0.1, end: 1 }] : [], shadows: [] },
  signature: { task: 'binary', columns: features, columns_are_named: true, output_width: 1, inputs: [], outputs: [] } });
const version = (name, state, rows, more = {}) => ({ model: 'fraud', version: name, uri: `file:///models/fraud-${name}.ubj`, digest: 'sha256:…', format: 'xgboost', created: atDay(-2), created_by: 'dana', parent: '', training_from: null, training_to: null, as_of: null,
  training_rows: rows, dataset_digest: '', trigger: '', metrics: {}, gate_report: null, state, epoch: 1, loaded: state !== 'retired', ...(state !== 'retired' ? { engine: { name: 'avx2', reason: 'fastest of 4 exact engines on this machine', library: 'vigil', memory_bytes: 1_843_200, facts: {} } } : {}), ...more });
const versions = () => firing ? [version('1', 'retired', 152301), version('2', 'validated', 166520), version('3', 'validated', 61204, { created_by: 'retraining', trigger: 'alert/2', parent: '2' }), version('4', 'validated', 148811, { created_by: 'retraining', trigger: 'manual', parent: '3' })]
  : [version('1', 'retired', 152301), version('2', 'validated', 166520)];

const started = Date.now();
const status = () => ({ version: '0.1.0-mock', clock: 'event', started: iso(Math.floor(started / 1000) * 1000), uptime_s: 5123.25, now: iso(Math.floor(started / 1000) * 1000), event_time: iso(nowMs()), control_time: iso(nowMs() - 5 * 60_000),
  alerts_firing: alerts.filter((alert) => alert.state === 'firing').length, jobs_running: 0, rollouts_running: firing ? 1 : 0,
  log: { records: lastDay() * 9500 + 212, bytes: 71_223_841, dropped: 0, syncs: 4122, segments: 9, torn_bytes_cut: 0 },
  predictions: { requests: lastDay() * 950, rows: lastDay() * 9500, refused_rows: 147, failed_rows: 0, cleaned_cells: 311, shadow_rows: 9422, shadow_skipped: 0, log_dropped: 0 },
  net: { connections_open: 3, connections_total: 64, connections_refused: 0, requests_total: 51_022, bytes_in: 1, bytes_out: 1, timeouts: 0, protocol_errors: 0 }, counters: { labels_accepted: 427_000 },
  models: options.state === 'empty' ? [] : [{ name: 'fraud', ready: true, champion }] });

function series(kind, query) {
  const length = { minute: 60_000, hour: hourMs, day: dayMs }[query.get('window') ?? 'hour'];
  const book = new Book();
  makers[kind](book, kind === 'concept' ? dayMs : length);
  const from = query.get('from') ? Date.parse(query.get('from')) : -Infinity;
  const kept = book.list().map((one) => ({ ...one, points: one.points.filter((p) => Date.parse(p.end) > from) })).filter((one) => one.points.length > 0 &&
    ['version', 'metric', 'column'].every((name) => !query.get(name) || query.get(name) === one[name]));
  return { model: 'fraud', kind, window: query.get('window') ?? 'hour', series: kept };
}

function problem(status, code, detail) {
  return [status, { type: 'about:blank', title: code, status, code, detail }];
}

function answer(method, url, body) {
  const path = url.pathname, query = url.searchParams;
  const monitored = /^\/api\/v1\/models\/fraud\/monitoring\/(\w+)$/.exec(path);
  const touched = /^\/api\/v1\/alerts\/(\w+)\/(ack|silence)$/.exec(path);
  if (method === 'POST' && touched) {
    const alert = alerts.find((one) => one.id === touched[1]);
    if (!alert) return problem(404, 'not_found', `no alert "${touched[1]}"`);
    if (touched[2] === 'ack') {
      Object.assign(alert, { acknowledged: iso(nowMs()), acknowledged_by: body.by ?? 'anonymous' });
      tell(iso(nowMs()), 'alert.acknowledged', alert.id, `alert ${alert.id} acknowledged by anonymous`, 'anonymous', '');
    } else {
      if (!Number.isInteger(body.seconds) || body.seconds < 1) return problem(400, 'invalid', 'either "until" or "seconds" is required');
      alert.silenced_until = iso(nowMs() + body.seconds * 1000);
      tell(iso(nowMs()), 'alert.silenced', alert.id, `alert ${alert.id} silenced by anonymous`, 'anonymous', '');
    }
    return [200, alert];
  }
  const steered = /^\/api\/v1\/models\/fraud\/rollouts\/(\w+)\/(pause|resume|abort|promote)$/.exec(path);
  if (method === 'POST' && steered) {
    const rollout = rollouts.find((one) => one.id === steered[1]);
    if (!rollout) return problem(404, 'not_found', `no rollout "${steered[1]}"`);
    if (rollout.ended) return problem(409, 'conflict', `rollout ${rollout.id} has ended`);
    if (steered[2] === 'pause' || steered[2] === 'resume') rollout.paused = steered[2] === 'pause';
    else Object.assign(rollout, { state: steered[2] === 'abort' ? 'rolled_back' : 'promoted', ended: iso(nowMs()), reason: `${steered[2]} asked for by anonymous` });
    tell(iso(nowMs()), `rollout.${rollout.paused ? 'paused' : rollout.state}`, rollout.id, `rollout ${rollout.id}: ${steered[2]} asked for by anonymous`, 'anonymous');
    return [200, rollout];
  }
  if (method !== 'GET') return problem(405, 'method_not_allowed', 'not here');
  if (path === '/api/v1/status') return [200, status()];
  if (path === '/api/v1/models/fraud') return [200, model()];
  if (path === '/api/v1/models/fraud/versions') return [200, { versions: versions() }];
  if (path === '/api/v1/models/fraud/rollouts') return [200, { rollouts }];
  if (path === '/api/v1/alerts') return [200, { alerts }];
  if (path === '/api/v1/jobs') return [200, { jobs }];
  if (path === '/api/v1/timeline') {
    const limit = Number(query.get('limit') ?? 100), before = Number(query.get('cursor') ?? Infinity);
    const page = events.filter((event) => event.sequence < before && (!query.get('model') || event.model === query.get('model'))).reverse().slice(0, limit);
    return [200, { events: page, next: page.length === limit && page.at(-1).sequence > 1 ? String(page.at(-1).sequence) : null }];
  }
  if (monitored && makers[monitored[1]]) return [200, series(monitored[1], query)];
  return problem(404, 'not_found', `no route ${path}`);
}

const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml' };
createServer((request, response) => {
  const url = new URL(request.url, 'http://mock');
  if (url.pathname === '/ui' || url.pathname.startsWith('/ui/')) {
    const rest = normalize(url.pathname.slice(4) || 'index.html');
    const file = join(dist, rest);
    if (!file.startsWith(dist) || !existsSync(file) || !statSync(file).isFile()) return void response.writeHead(404).end();
    response.writeHead(200, { 'Content-Type': types[extname(file)] ?? 'application/octet-stream' });
    return void createReadStream(file).pipe(response);
  }
  let text = '';
  request.on('data', (chunk) => (text += chunk));
  request.on('end', () => {
    const [code, value] = answer(request.method, url, text ? JSON.parse(text) : {});
    response.writeHead(code, { 'Content-Type': code < 400 ? 'application/json' : 'application/problem+json' }).end(JSON.stringify(value));
  });
}).listen(Number(options.port), '127.0.0.1', () => console.log(`mock on http://127.0.0.1:${options.port}/ui`));
if (options.live) setInterval(() => ++liveDays, 4000);
