import { useId, useRef, useState } from 'preact/hooks';
import type { Labels } from '../../../src/contract/labels.ts';
import { type Problem, problemOf } from '../api/problem.ts';
import { patch } from '../api/request.ts';
import { hasScope } from '../state/access.ts';
import { ProblemNote } from './problem-note.tsx';

interface LabelListProps<Record> {
  /** Path of the record in the API. */
  readonly path: string;
  readonly labels: Labels;
  /** The address of the list of such records: a label links to the records that have it. */
  readonly list: string;
  readonly onChanged: (record: Record) => void;
}

/**
 * The labels of a record. Each links to the other records that have it; labels are added and removed in
 * place.
 */
export function LabelList<Record>({ path, labels, list, onChanged }: LabelListProps<Record>) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  const entries = Object.entries(labels);
  const canWrite = hasScope('write');
  if (entries.length === 0 && !canWrite) return null;
  const change = (next: Labels) =>
    patch<Record>(path, { labels: next }).then(
      (record) => {
        setProblem(null);
        onChanged(record);
        return true;
      },
      (error: unknown) => {
        setProblem(problemOf(error));
        return false;
      },
    );
  const add = async (event: Event) => {
    event.preventDefault();
    const [name, text] = splitLabel(input.current!.value);
    if (await change({ ...labels, [name]: text })) input.current!.value = '';
  };
  const without = (name: string): Labels => Object.fromEntries(entries.filter(([other]) => other !== name));
  return (
    <div class="labels">
      <ul class="chips" aria-label="Labels">
        {entries.map(([name, text]) => (
          <li key={name}>
            <a href={`#/${list}?${new URLSearchParams({ label: `${name}:${text}` })}`}>{`${name}:${text}`}</a>
            {canWrite && (
              <button
                type="button"
                aria-label={`Remove the label ${name}`}
                onClick={() => void change(without(name))}
              >
                ×
              </button>
            )}
          </li>
        ))}
      </ul>
      {canWrite && (
        <form class="row" onSubmit={(event) => void add(event)}>
          <label for={id} class="unseen">
            New label, as name:value
          </label>
          <input
            id={id}
            ref={input}
            class="short"
            placeholder="team:search"
            pattern=".+:.*"
            title="A name and a value, with a colon between them"
            required
            autocomplete="off"
          />
          <button type="submit">Save label</button>
        </form>
      )}
      <ProblemNote problem={problem} />
    </div>
  );
}

/** "team:search" is a name and a text. */
function splitLabel(value: string): [name: string, text: string] {
  const colon = value.indexOf(':');
  return [value.slice(0, colon).trim(), value.slice(colon + 1).trim()];
}
