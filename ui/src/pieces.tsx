// Small pieces that the parts are laid out with.
import type { ComponentChildren, JSX } from 'preact';

export function Card({ id, title, note, controls, children, span }: {
  id: string; title: string; note?: ComponentChildren; controls?: ComponentChildren; children: ComponentChildren; span: number;
}): JSX.Element {
  return (
    <section class={`card span${span}`} id={id} aria-labelledby={`${id}-title`}>
      <header>
        <h2 id={`${id}-title`}>{title}</h2>
        {note && <span class="note">{note}</span>}
        <span class="grow" />
        {controls}
      </header>
      {children}
    </section>
  );
}

export function Failed({ error }: { error: string | null }): JSX.Element | null {
  return error === null ? null : <p class="failed" role="alert">{error} What is shown may be old; the page keeps asking.</p>;
}

export function Empty({ children }: { children: ComponentChildren }): JSX.Element {
  return <div class="empty">{children}</div>;
}

const tones: Record<string, string> = {
  firing: 'bad', critical: 'bad', failed: 'bad', refused: 'warn', rejected: 'bad', rolled_back: 'warn', rolling_back: 'warn', warning: 'warn',
  pending: 'warn', waiting: 'calm', not_ready: 'calm', running: 'busy', shadowing: 'busy', ramping: 'busy', holding: 'warn', promoting: 'busy',
  promoted: 'good', done: 'good', resolved: 'good', validated: 'good', ready: 'good',
};

export function Chip({ state, children }: { state: string; children?: ComponentChildren }): JSX.Element {
  return <span class={`chip ${tones[state] ?? 'calm'}`}>{children ?? state.replace('_', ' ')}</span>;
}

export function Choice<T extends string>({ label, options, value, onChoose, name }: {
  label: string; options: readonly T[]; value: T; onChoose: (value: T) => void; name?: (value: T) => string;
}): JSX.Element {
  return (
    <div class="choice" role="group" aria-label={label}>
      {options.map((option) => (
        <button key={option} aria-pressed={option === value} onClick={() => onChoose(option)}>{name ? name(option) : option}</button>
      ))}
    </div>
  );
}

export function Select({ label, options, value, onChoose, name }: {
  label: string; options: string[]; value: string; onChoose: (value: string) => void; name?: (value: string) => string;
}): JSX.Element {
  return (
    <select aria-label={label} value={value} onChange={(event) => onChoose(event.currentTarget.value)}>
      {options.map((option) => <option key={option} value={option}>{name ? name(option) : option}</option>)}
    </select>
  );
}

export function Legend({ entries }: { entries: { label: string; color: string; dashed?: boolean }[] }): JSX.Element {
  return (
    <span class="legend">
      {entries.map(({ label, color, dashed }) => (
        <span key={label}><i class={dashed ? 'dashed' : ''} style={{ borderColor: `var(${color})` }} />{label}</span>
      ))}
    </span>
  );
}
