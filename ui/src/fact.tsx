// A value of the API on the page. It is read through its own JSON pointer, so what is shown and what it claims to be cannot differ; tests
// ask the API for `data-api` again and compare.
import type { JSX } from 'preact';
import type { Answer } from './api';
import { display, type Show } from './format';

export function resolve(data: unknown, pointer: string): unknown {
  let value = data;
  for (const part of pointer.split('/').slice(1)) {
    if (value === null || typeof value !== 'object') return undefined;
    value = (value as Record<string, unknown>)[part.replace(/~1/g, '/').replace(/~0/g, '~')];
  }
  return value;
}

export const key = (name: string) => name.replace(/~/g, '~0').replace(/\//g, '~1');

export interface FactAttributes {
  'data-api': string;
  'data-value': string;
  'data-as': Show;
}

export function factAttributes(from: Answer<unknown>, at: string, as: Show): FactAttributes {
  const value = resolve(from.data, at);
  return { 'data-api': `${from.path}#${at}`, 'data-value': value === undefined ? 'null' : typeof value === 'string' ? value : JSON.stringify(value), 'data-as': as };
}

interface FactProps {
  from: Answer<unknown>;
  at: string;
  as?: Show;
  class?: string;
}

export function Fact({ from, at, as = 'text', class: name }: FactProps): JSX.Element {
  const attributes = factAttributes(from, at, as);
  return (
    <span class={name} title={attributes['data-value']} {...attributes}>
      {display(resolve(from.data, at), as)}
    </span>
  );
}
