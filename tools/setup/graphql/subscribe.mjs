// node subscribe.mjs URL QUERY COUNT: graphql-sse's own client; prints "open", then each result on a line of its own, until COUNT came or the
// server completes the stream, and then "complete" or "enough".
import { createClient } from 'graphql-sse';

const [url, query, count] = process.argv.slice(2);
const client = createClient({ url, retryAttempts: 0, onMessage: undefined });
let seen = 0;
const stream = client.iterate({ query });
console.log('open');
for await (const result of stream) {
  console.log(JSON.stringify(result));
  if (++seen === Number(count)) break;
}
console.log(seen === Number(count) ? 'enough' : 'complete');
process.exit(0);
