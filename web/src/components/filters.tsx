import { useId } from 'preact/hooks';
import { type Query, setQuery } from '../state/route.ts';
import { SelectField } from './field.tsx';

interface FilterProps {
  readonly label: string;
  /** The name of the parameter in the API, which is also its name in the address. */
  readonly name: string;
  readonly query: Query;
}

/** A text filter. It is applied when the input is complete, not at every keystroke. */
export function FilterField({ label, name, query, placeholder }: FilterProps & { placeholder?: string }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="search"
        placeholder={placeholder}
        value={query[name] ?? ''}
        onChange={({ currentTarget }) => setQuery({ ...query, [name]: currentTarget.value.trim() })}
      />
    </div>
  );
}

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
