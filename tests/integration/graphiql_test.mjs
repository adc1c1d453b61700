// GraphiQL in a real browser against a running server.   usage: node tests/integration/graphiql_test.mjs URL
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const { chromium } = createRequire(new URL('../../ui/package.json', import.meta.url))('playwright-core');
const base = process.argv[2];
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const complaints = [], foreign = [];
async function open(query) {
  const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => !/^(data|blob):/.test(request.url()) && !request.url().startsWith(`${base}/`) && foreign.push(request.url()));
  // The page keeps the last query of a browser, and shows it again.
  await page.addInitScript((text) => localStorage.setItem('graphiql:tabState', JSON.stringify({
    activeTabIndex: 0, tabs: [{ id: 'a', hash: null, title: 'a', query: text, variables: '', headers: '', operationName: null, response: null }],
  })), query);
  const response = await page.goto(`${base}/graphql`);
  assert.equal(response.status(), 200);
  await page.locator('.graphiql-execute-button').waitFor({ timeout: 60_000 });
  await page.locator('.graphiql-editor .view-lines').first().waitFor({ timeout: 60_000 });
  return page;
}
const shown = (page, wanted) =>
  page.waitForFunction((text) => document.querySelector('.result-window')?.textContent.replaceAll(/\u00a0/g, ' ').includes(text), wanted, { timeout: 60_000 });

const page = await open('{ models { totalCount nodes { name } } }');
await page.locator('.graphiql-execute-button').click();
await shown(page, '"totalCount": 1');
console.log('ok      a query is answered');
await page.getByRole('button', { name: 'Show Documentation Explorer' }).click();
await page.getByText('What may be changed.', { exact: false }).first().waitFor({ timeout: 30_000 }).catch(() => page.getByText('Mutation').first().waitFor());
console.log('ok      the schema is shown');

const live = await open('subscription { metrics(model: "fraud", interval: 1) { model requests } }');
await live.locator('.graphiql-execute-button').click();
await shown(live, '"model": "fraud"');
await live.locator('.graphiql-execute-button').click();
console.log('ok      a subscription tells');

await browser.close();
assert.deepEqual(foreign, []);
assert.deepEqual(complaints, []);
console.log('graphiql: passed');
