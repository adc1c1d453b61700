// One operation's answers: JSON for queries and mutations, server-sent events for subscriptions (graphql-sse's distinct connections).
const endpoint = '/graphql';

// Does the operation that is asked for subscribe?
function subscribes(document, name) {
  const operation = document?.definitions.find((one) => one.kind === 'OperationDefinition' && (!name || one.name?.value === name));
  return operation?.operation === 'subscription';
}

// The events of a stream: {event, data}. Lines end in LF, and an event in a blank line, as the server writes them.
async function* eventsOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      rest += value;
      for (let end = rest.indexOf('\n\n'); end >= 0; end = rest.indexOf('\n\n')) {
        const event = { event: 'message', data: '' };
        for (const line of rest.slice(0, end).split('\n')) {
          const colon = line.indexOf(':');
          if (colon > 0) event[line.slice(0, colon)] = line.slice(colon + 1).trimStart();
        }
        rest = rest.slice(end + 2);
        yield event;
      }
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

async function* answers(params, headers, signal) {
  const response = await send(params, { ...headers, Accept: 'text/event-stream' }, signal);
  if (!response.headers.get('Content-Type')?.startsWith('text/event-stream')) {
    yield await response.json();
    return;
  }
  for await (const { event, data } of eventsOf(response.body)) {
    if (event === 'complete') return;
    if (event === 'next') yield JSON.parse(data);
  }
}

function send(params, headers, signal) {
  return fetch(endpoint, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(params),
    signal,
  });
}

export function fetcher(params, options) {
  if (subscribes(options?.documentAST, params.operationName)) {
    const abort = new AbortController();
    const stream = answers(params, options?.headers, abort.signal);
    return {
      [Symbol.asyncIterator]: () => ({
        next: () => stream.next(),
        return: () => {
          abort.abort();
          return Promise.resolve({ value: undefined, done: true });
        },
      }),
    };
  }
  return send(params, { Accept: 'application/graphql-response+json', ...options?.headers }).then((response) => response.json());
}
