// The page in a real browser against a running server: every part is there, every number equals the API's, nothing is logged as an error.
//   usage: node tests/integration/page_test.mjs [URL] [--screenshot FILE] [--require PART,PART] [--change]
// Without a URL it starts the page's mock server. --require: these parts must show data, not "nothing yet". --change: also acknowledge and
// silence an alert. Needs ui/node_modules (npm ci in ui/) and Chromium ($CHROMIUM, else /usr/bin/chromium).
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { screenshot: { type: 'string' }, require: { type: 'string', default: '' }, change: { type: 'boolean', default: false } },
});
const { chromium } = createRequire(new URL('../../ui/package.json', import.meta.url))('playwright-core');
const parts = ['roles', 'rollouts', 'performance', 'alerts', 'traffic', 'drift', 'quality', 'concept', 'jobs', 'timeline'];
const retries = 20; // a live server moves on between the page's question and ours; a turn is 1.5 s
const answersKept = 4;

let failures = 0;
async function check(name, body) {
  try {
    const note = await body();
    console.log(`ok      ${name}${note ? `: ${note}` : ''}`);
  } catch (error) {
    ++failures;
    console.log(`FAILED  ${name}\n        ${String(error.message ?? error).split('\n').slice(0, 12).join('\n        ')}`);
  }
}
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const get = async (path) => {
  const response = await fetch(base + path);
  assert.equal(response.status, 200, `${path}: HTTP ${response.status}`);
  return response.json();
};

function resolve(data, pointer) {
  return pointer.split('/').slice(1).reduce((value, part) => value?.[part.replaceAll('~1', '/').replaceAll('~0', '~')], data);
}
const exact = (value) => (value === undefined ? 'null' : typeof value === 'string' ? value : JSON.stringify(value));

// What the shown text can mean at most: its own last place, half a unit up or down.
const units = { '%': 0.01, ms: 1000, s: 1e6, µs: 1 };
const spans = { s: 1, min: 60, h: 3600, d: 86_400 };
function readsAs(text, value, as) {
  if (value === 'null' || value === '') return text === '–' || text === '';
  if (as === 'text') return text === value;
  if (as === 'time') return text === `${value.slice(0, 10)} ${value.slice(11, 16)}`;
  if (as === 'day') return text === value.slice(0, 10);
  const match = /^([−-]?[\d,]+(?:\.(\d+))?)(?:e([−-]?\d+))?(?: (\S+))?$/.exec(text);
  if (!match) return false;
  const digits = Number(match[1].replaceAll(',', '').replace('−', '-'));
  const unit = match[4] === undefined ? 1 : (as === 'seconds' ? spans : units)[match[4]];
  if (unit === undefined) return false;
  const power = 10 ** Number((match[3] ?? '0').replace('−', '-'));
  const shown = digits * power * unit, value_ = Number(value);
  const places = match[2]?.length ?? 0;
  const room = as === 'seconds' ? unit : 0.5 * 10 ** -places * power * unit; // a duration is cut, not rounded
  return Math.abs(shown - value_) <= room * (1 + 1e-9) + 1e-15;
}

async function startMock() {
  const port = 20_000 + Math.floor(Math.random() * 20_000);
  const server = fileURLToPath(new URL('../../ui/mock/server.mjs', import.meta.url));
  const child = spawn(process.execPath, [server, '--port', String(port)], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((up, down) => {
    child.stdout.once('data', up);
    child.once('exit', (code) => down(new Error(`the mock ended with ${code}`)));
  });
  return { url: `http://127.0.0.1:${port}`, stop: () => child.kill() };
}

const mock = positionals.length === 0 ? await startMock() : null;
const base = (mock?.url ?? positionals[0]).replace(/\/(ui\/?)?$/, '');
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const page = await browser.newPage({ viewport: { width: 1400, height: 1000 } });
const complaints = [], foreign = [], files = [];
const answers = new Map(); // path → the newest answers that the page was given
page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
page.on('pageerror', (error) => complaints.push(String(error)));
page.on('request', (request) => !request.url().startsWith(`${base}/`) && !request.url().startsWith('data:') && foreign.push(request.url()));
page.on('response', async (response) => {
  const path = response.url().slice(base.length);
  if (path.startsWith('/ui/')) files.push([path, response.status(), response.headers()['content-type']]);
  if (!path.startsWith('/api/') || response.request().method() !== 'GET' || response.status() !== 200) return;
  const data = await response.json().catch(() => undefined);
  if (data !== undefined) answers.set(path, [...(answers.get(path) ?? []), data].slice(-answersKept));
});

const facts = () => page.evaluate(() => [...document.querySelectorAll('[data-api]')].map((element) => {
  const unseen = element.querySelector('.unseen');
  return { api: element.dataset.api, value: element.dataset.value, as: element.dataset.as, text: (unseen ?? element).textContent.trim(),
    part: element.closest('section')?.id || element.closest('section, header')?.className || 'page' };
}));
// Every answer asked for is in: quiet for a while, as the page asks again after some seconds.
let pending = 0;
page.on('request', (request) => { if (request.url().includes('/api/')) ++pending; });
for (const end of ['requestfinished', 'requestfailed']) page.on(end, (request) => { if (request.url().includes('/api/')) --pending; });
async function settled() {
  await page.waitForFunction(() => !document.body.textContent.includes('Asking the server'), undefined, { timeout: 30_000 });
  for (let quiet = 0, turn = 0; quiet < 6 && turn < 300; ++turn) {
    await sleep(50);
    quiet = pending === 0 ? quiet + 1 : 0;
  }
}

// Every value on the page against the answer it was read from, its text against itself, and the API asked anew.
async function compareAll() {
  let wrong = [], seen = [];
  const agreed = new Set(); // with the API, in an earlier turn: on a busy server not all can agree at one moment
  for (let turn = 0; turn < retries; ++turn) {
    if (turn > 0) await sleep(1500);
    seen = await facts();
    wrong = [];
    const fresh = new Map();
    for (const { api, value, as, text } of seen) {
      const at = api.indexOf('#');
      const path = api.slice(0, at), pointer = api.slice(at + 1);
      assert.ok(readsAs(text, value, as), `${api} is ${value}, but the page reads "${text}"`);
      if (!fresh.has(path)) fresh.set(path, await get(path));
      const given = (answers.get(path) ?? []).map((answer) => exact(resolve(answer, pointer)));
      if (!given.includes(value)) wrong.push(`${api}: the page has ${value}, its answer ${given.at(-1)}`);
      const now = exact(resolve(fresh.get(path), pointer));
      const clock = pointer === '/uptime_s' && Number(now) >= Number(value) && Number(now) - Number(value) < 30;
      if (now === value || clock) agreed.add(api);
      if (!agreed.has(api)) wrong.push(`${api}: the page has ${value}, the API ${now}`);
    }
    if (wrong.length === 0) break;
  }
  assert.deepEqual(wrong.slice(0, 8), [], `${wrong.length} of ${seen.length} values differ`);
  return seen;
}

async function openEverything() {
  await page.evaluate(() => {
    for (const details of document.querySelectorAll('details')) details.open = true;
    for (const button of document.querySelectorAll('figure button[aria-pressed="false"].quiet')) button.click();
  });
  await sleep(200);
}

const status = await get('/api/v1/status');
const model = status.models[0]?.name;
const of = (rest) => get(`/api/v1/models/${encodeURIComponent(model)}${rest}`);

await check('the page loads and asks this server alone', async () => {
  const response = await page.goto(`${base}/ui`);
  assert.equal(response.status(), 200);
  assert.ok(model, 'the server has no model');
  await page.waitForSelector('.grid');
  await settled();
  assert.deepEqual(foreign, []);
  assert.equal(await page.locator('meta[http-equiv="Content-Security-Policy"]').count(), 1);
});
await check('every part is there, and says so when it has nothing', async () => {
  assert.equal(await page.locator('.tile').count(), 6);
  const required = new Set(options.require === 'all' ? parts : options.require.split(',').filter(Boolean));
  const empty = [];
  for (const part of parts) {
    const card = page.locator(`section#${part}`);
    assert.ok(await card.isVisible(), `${part} is not visible`);
    assert.equal(await card.locator('.failed').count(), 0, `${part}: ${await card.locator('.failed').allTextContents()}`);
    const shows = (await card.locator('[data-api]').count()) > 0 || (await card.locator('canvas').count()) > 0;
    assert.ok(shows || (await card.locator('.empty').count()) > 0, `${part} is blank`);
    if (!shows) empty.push(part);
    assert.ok(shows || !required.has(part), `${part} has nothing to show`);
  }
  return empty.length === 0 ? 'all have data' : `nothing yet in ${empty.join(', ')}`;
});
await check('its files are served as what they are', () => {
  const types = { js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8', svg: 'image/svg+xml' };
  for (const [path, code, type] of files) assert.deepEqual([path, code, type], [path, 200, types[path.split('.').at(-1)]]);
  assert.ok(files.some(([path]) => path.endsWith('.js')) && files.some(([path]) => path.endsWith('.css')), String(files));
});
await check('charts are drawn', async () => {
  for (const [part, kind] of [['traffic', 'traffic'], ['drift', 'drift']]) {
    const { series } = await of(`/monitoring/${kind}?window=day`);
    if (series.length === 0) continue;
    const inked = await page.locator(`#${part} canvas`).first().evaluate((canvas) =>
      canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((byte, i) => i % 4 === 3 && byte > 0));
    assert.ok(inked, `the chart of ${part} is blank`);
  }
});
for (const range of ['all', '30d', '7d', '1d']) {
  await check(`every value equals the API's, range ${range}`, async () => {
    await page.getByRole('group', { name: 'time range' }).getByRole('button', { name: range, exact: true }).click();
    await sleep(300);
    await settled();
    await openEverything();
    const seen = await compareAll();
    assert.ok(seen.length > 20, `only ${seen.length} values`);
    const by = {};
    for (const { part } of seen) by[part] = (by[part] ?? 0) + 1;
    return `${seen.length} values: ${Object.entries(by).map(([part, n]) => `${part} ${n}`).join(', ')}`;
  });
}
await page.getByRole('group', { name: 'time range' }).getByRole('button', { name: 'all', exact: true }).click();
await sleep(300);
await settled();
await check('nothing that the API lists is left out', async () => {
  for (let turn = 0; ; ++turn) {
    const name = encodeURIComponent(model);
    const [alerts, jobs, timeline, psi, { versions }] = await Promise.all([get(`/api/v1/alerts?model=${name}`), get(`/api/v1/jobs?model=${name}&limit=50`),
      get(`/api/v1/timeline?model=${name}&limit=25`), of('/monitoring/drift?window=day&metric=psi'), of('/versions')]);
    const wanted = { alerts: alerts.alerts.length, jobs: jobs.jobs.length, timeline: timeline.events.length, versions: versions.length,
      drift: new Set(psi.series.filter((one) => one.points.some((point) => point.value !== null)).map((one) => one.column)).size,
      days: new Set(psi.series.flatMap((one) => one.points.map((point) => point.start))).size };
    const shown = { alerts: await page.locator('#alerts li.alert').count(), jobs: await page.locator('#jobs .jobs > li').count(),
      timeline: await page.locator('#timeline .timeline > li').count(), versions: await page.locator('#roles tbody tr').count(),
      drift: await page.locator('#drift .heat tbody tr').count(), days: Math.max(0, (await page.locator('#drift .heat thead th').count()) - 1) };
    try {
      assert.deepEqual(shown, wanted);
      return JSON.stringify(shown);
    } catch (error) {
      if (turn >= retries) throw error;
      await sleep(1500);
    }
  }
});
await check('pointing at a chart reads out the window', async () => {
  const plot = page.locator('#traffic .u-over').first();
  if ((await plot.count()) === 0) return 'no chart yet';
  await plot.scrollIntoViewIfNeeded();
  const box = await plot.boundingBox();
  await page.mouse.move(box.x + box.width * 0.6, box.y + box.height / 2);
  await page.waitForSelector('#traffic .readout');
  await compareAll();
  await page.mouse.move(2, 2);
});
await check('a column is chosen from the keyboard', async () => {
  const buttons = page.locator('#drift .heat tbody button');
  if ((await buttons.count()) < 3) return 'no drift yet';
  const name = await buttons.nth(2).textContent();
  await buttons.nth(2).focus();
  await page.keyboard.press('Enter');
  await page.waitForFunction((wanted) => document.querySelector('#drift h3')?.textContent === wanted, name);
  await settled();
  assert.ok(new URL(page.url()).hash.includes(`feature=${name}`), 'the URL does not keep it');
  await compareAll();
  return name;
});
await check('every metric of performance can be chosen', async () => {
  const select = page.getByRole('combobox', { name: 'metric' });
  if ((await select.count()) === 0) return 'no labels yet';
  const metrics = await select.locator('option').evaluateAll((list) => list.map((option) => option.value));
  for (const metric of metrics) {
    await select.selectOption(metric);
    await page.waitForFunction((wanted) => document.querySelector('#performance .chart-title')?.textContent === wanted, metric.replaceAll('_', ' '));
  }
  await compareAll();
  return metrics.join(', ');
});
await check('the timeline pages back by cursor', async () => {
  const before = await page.locator('#timeline .timeline > li').count();
  const older = page.locator('#timeline').getByRole('button', { name: 'Older' });
  if ((await older.count()) === 0) return 'one page holds everything';
  await older.click();
  await page.waitForFunction((n) => document.querySelectorAll('#timeline .timeline > li').length > n, before);
  await compareAll();
});
if (options.change || mock) {
  await check('an alert is acknowledged and silenced, after a question', async () => {
    const alert = page.locator('#alerts li.alert.firing').first();
    if ((await alert.count()) === 0) return 'none is firing';
    const id = await alert.locator('[data-api$="/id"]').textContent();
    const read = async () => (await get('/api/v1/alerts')).alerts.find((one) => one.id === id);
    if ((await read()).acknowledged === null) {
      await alert.getByRole('button', { name: 'Acknowledge' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
      assert.equal((await read()).acknowledged, null, 'cancelled, and yet acknowledged');
      await alert.getByRole('button', { name: 'Acknowledge' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Acknowledge' }).click();
      await page.waitForFunction(() => document.querySelector('#alerts li.alert.firing')?.textContent.includes('seen by'));
    }
    await alert.getByRole('button', { name: /^Silence/ }).click();
    await page.getByRole('dialog').getByRole('combobox').selectOption('3600');
    await page.getByRole('dialog').getByRole('button', { name: 'Silence' }).click();
    await page.waitForFunction(() => document.querySelector('#alerts li.alert.firing')?.textContent.includes('silenced until'));
    const after = await read();
    assert.notEqual(after.acknowledged, null);
    assert.ok(after.silenced_until > (after.fired ?? ''), `silenced until ${after.silenced_until}`);
    await compareAll();
  });
}
if (options.change || mock) {
  await check('a rollout is paused and resumed, after a question', async () => {
    const part = page.locator('#rollouts');
    const read = async () => (await of('/rollouts')).rollouts.find((one) => one.ended === null);
    if (!(await read()) || (await part.getByRole('button', { name: 'Pause' }).count()) === 0) return 'none is under way';
    for (const [action, paused] of [['Pause', true], ['Resume', false]]) {
      await part.getByRole('button', { name: action }).click();
      await page.getByRole('dialog').getByRole('button', { name: action }).click();
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      assert.equal((await read()).paused, paused);
      await part.getByRole('button', { name: paused ? 'Resume' : 'Pause' }).waitFor();
    }
    await compareAll();
  });
}
if (options.screenshot) {
  await page.evaluate(() => {
    for (const button of document.querySelectorAll('figure button[aria-pressed="true"].quiet')) button.click();
    window.scrollTo(0, 0);
  });
  await sleep(300);
  await page.screenshot({ path: options.screenshot, fullPage: true });
}
await check('it fits a telephone', async () => {
  await page.setViewportSize({ width: 420, height: 800 });
  await sleep(400);
  const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
  assert.ok(wide <= room, `${wide} px wide in a window of ${room}`);
  await page.setViewportSize({ width: 1400, height: 1000 });
});
await check('nothing was logged as an error', () => assert.deepEqual(complaints, []));
await check('a server out of reach is told, and forgotten when it is back', async () => {
  await page.route('**/api/**', (route) => route.abort());
  await page.waitForSelector('.banner', { timeout: 15_000 });
  assert.match(await page.locator('.banner').textContent(), /cannot be reached/);
  await page.unroute('**/api/**');
  await page.waitForSelector('.banner', { state: 'detached', timeout: 15_000 });
});

await browser.close();
mock?.stop();
console.log(failures === 0 ? 'page: passed' : `page: ${failures} failed`);
process.exitCode = failures === 0 ? 0 : 1;
