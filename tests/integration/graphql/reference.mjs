// What npm graphql answers to the requests that graphql_probe takes, one JSON document a line. argv[2] is where the package is.
import { createInterface } from 'node:readline';
import { createRequire } from 'node:module';
const { buildSchema, parse, validate, execute, GraphQLError, validateSchema } = createRequire(process.argv[2])('graphql');

let sdl;
let schema;
const show = (e) => ({ message: e.message, ...(e.locations && { locations: e.locations }), ...(e.path && { path: e.path }) });
const answer = (r) => {
  if (r.sdl !== undefined && r.sdl !== sdl) {
    try {
      const built = buildSchema(r.sdl);
      const errors = validateSchema(built);
      if (errors.length) return { schema: errors[0].message };
      schema = built;
      sdl = r.sdl;
    } catch (e) {
      return { schema: e.message };
    }
  }
  if (r.query === undefined) return {};
  let document;
  try {
    document = parse(r.query);
  } catch (e) {
    return { errors: [show(e)] };
  }
  try {
    const errors = validate(schema, document);
    if (errors.length) return { errors: errors.map(show) };
  } catch (e) {
    return { thrown: e.message };
  }
  const result = execute({ schema, document, rootValue: r.root, variableValues: r.variables, operationName: r.operationName });
  return { ...(result.errors && { errors: result.errors.map(show) }), ...('data' in result && { data: result.data }) };
};
for await (const line of createInterface({ input: process.stdin })) console.log(JSON.stringify(answer(JSON.parse(line))));
