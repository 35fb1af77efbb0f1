import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { type Query, setQuery } from '../state/route.ts';
import { SelectField } from './field.tsx';

interface FilterProps {
  readonly label: string;
  /** The name of the parameter in the API, which is also its name in the address. */
  readonly name: string;
  readonly query: Query;
}

/** A list is read again when nothing has been typed for this time. */
const PAUSE_MS = 400;

interface FilterFieldProps extends FilterProps {
  readonly placeholder?: string;
  /** What the service compares with the input. */
  readonly note?: string;
  /** Whether a text is complete: while one types, the service is not asked about any other. */
  readonly isWhole?: (text: string) => boolean;
}

/** A text filter. It is applied after a short pause in typing, or at once when the input is complete. */
function FilterField({ label, name, query, placeholder, note, isWhole }: FilterFieldProps) {
  const id = useId();
  const applied = query[name] ?? '';
  const [text, setText] = useState(applied);
  const timer = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);
  useEffect(() => {
    // A space at the end belongs to the next word, and stays.
    if (text.trim() !== applied) setText(applied);
  }, [applied]);
  const isPartial = text.trim() !== applied && !(isWhole?.(text.trim()) ?? true);
  const newest = useRef(query);
  newest.current = query;
  const apply = (typed: string) => {
    clearTimeout(timer.current);
    setQuery({ ...newest.current, [name]: typed.trim() });
  };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="search"
        placeholder={placeholder}
        value={text}
        aria-describedby={note ? `${id}-note` : undefined}
        onInput={({ currentTarget: { value } }) => {
          setText(value);
          clearTimeout(timer.current);
          if (isWhole?.(value.trim()) ?? true)
            timer.current = window.setTimeout(() => apply(value), PAUSE_MS);
        }}
        onChange={({ currentTarget }) => apply(currentTarget.value)}
      />
      {note && (
        <p id={`${id}-note`} class="note">
          {isPartial ? `This filter is not applied yet. ${note}` : note}
        </p>
      )}
    </div>
  );
}

/** Why a list is empty: because of its filters, or because nothing was made yet. */
export const whyEmpty = (what: string, query: Query): string =>
  Object.values(query).some((value) => value !== '')
    ? `No ${what} matches these filters.`
    : `There is no ${what} yet.`;

interface NameFilterProps extends Pick<FilterProps, 'query'> {
  /** What else the user should know about the names. */
  readonly more?: string;
}

export const NameFilter = ({ query, more = '' }: NameFilterProps) => (
  <FilterField
    label="Name starts with"
    name="name"
    query={query}
    note={`Only the beginning of a name is compared, with capitals as they are.${more}`}
  />
);

export const BaseModelFilter = ({ query }: Pick<FilterProps, 'query'>) => (
  <FilterField
    label="Base model"
    name="base_model"
    query={query}
    placeholder="meta-llama/Llama-2-7b-hf"
    note="The whole name, as the adapter has it."
  />
);

export const LabelFilter = ({ query }: Pick<FilterProps, 'query'>) => (
  <FilterField
    label="Label"
    name="label"
    query={query}
    placeholder="team:search"
    note="Name and value, with a colon between them."
    isWhole={(text) => text === '' || /^[^:]+:./.test(text)}
  />
);

interface SelectFilterProps extends FilterProps {
  readonly options: readonly (readonly [value: string, title: string])[];
}

/** A filter with a list of values, one of which or none is chosen. */
export const SelectFilter = ({ label, name, query, options }: SelectFilterProps) => (
  <SelectField
    label={label}
    value={query[name] ?? ''}
    options={[['', 'Any'], ...options]}
    onValue={(value) => setQuery({ ...query, [name]: value })}
  />
);
