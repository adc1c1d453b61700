// node print.mjs FILE: the schema of a file, as graphql-js prints it in the order of names.
import { readFileSync } from 'node:fs';
import { buildSchema, lexicographicSortSchema, printSchema } from 'graphql';

console.log(JSON.stringify(printSchema(lexicographicSortSchema(buildSchema(readFileSync(process.argv[2], 'utf8'))))));
