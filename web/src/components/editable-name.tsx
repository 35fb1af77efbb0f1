import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { type Problem, problemOf } from '../api/problem.ts';
import { patch } from '../api/request.ts';
import { hasScope } from '../state/access.ts';
import { ProblemNote } from './problem-note.tsx';

interface EditableNameProps<Record> {
  /** Path of the record in the API. */
  readonly path: string;
  /** null: the record has no name, and `title` is shown instead. */
  readonly name: string | null;
  readonly title: string;
  /** Whether the name may be empty. */
  readonly isOptional?: boolean;
  readonly onChanged: (record: Record) => void;
}

/** The heading of a record's page: the record's name, which can be edited in place. */
export function EditableName<Record>({
  path,
  name,
  title,
  isOptional,
  onChanged,
}: EditableNameProps<Record>) {
  const [isOpen, setOpen] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const input = useRef<HTMLInputElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const wasOpen = useRef(false);
  useLayoutEffect(() => {
    if (isOpen) input.current!.select();
    else if (wasOpen.current) button.current?.focus();
    wasOpen.current = isOpen;
  }, [isOpen]);

  const close = () => {
    setOpen(false);
    setProblem(null);
  };
  const save = async (event: Event) => {
    event.preventDefault();
    const value = input.current!.value.trim();
    if (value === (name ?? '')) return close();
    try {
      onChanged(await patch<Record>(path, { name: value === '' ? null : value }));
      close();
    } catch (error) {
      setProblem(problemOf(error));
    }
  };
  if (!isOpen)
    return (
      <div class="name">
        <h1 class="long">{name ?? title}</h1>
        {hasScope('write') && (
          <button type="button" class="quiet" ref={button} onClick={() => setOpen(true)}>
            Rename
          </button>
        )}
      </div>
    );
  return (
    <form class="name" onSubmit={(event) => void save(event)}>
      <h1 class="unseen">{name ?? title}</h1>
      <input
        ref={input}
        aria-label="Name"
        defaultValue={name ?? ''}
        placeholder={title}
        maxLength={200}
        required={!isOptional}
        onKeyDown={({ key }) => key === 'Escape' && close()}
      />
      <button type="submit" class="primary">
        Save
      </button>
      <button type="button" onClick={close}>
        Cancel
      </button>
      <ProblemNote problem={problem} />
    </form>
  );
}
