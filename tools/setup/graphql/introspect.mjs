// node introspect.mjs URL: the server's schema rebuilt by graphql-js from its introspection, checked, and printed, as one line of JSON.
import { buildClientSchema, getIntrospectionQuery, lexicographicSortSchema, printSchema, validateSchema } from 'graphql';

const response = await fetch(process.argv[2], {
  method: 'POST',
  headers: { 'Content-Type': 'application/json', Accept: 'application/graphql-response+json' },
  body: JSON.stringify({
    query: getIntrospectionQuery({ specifiedByUrl: true, directiveIsRepeatable: true, inputValueDeprecation: true, schemaDescription: true }),
  }),
});
const body = await response.json();
if (!body.data) throw new Error(JSON.stringify(body));
const schema = buildClientSchema(body.data);
console.log(JSON.stringify({ errors: validateSchema(schema).map(String), sdl: printSchema(lexicographicSortSchema(schema)) }));
