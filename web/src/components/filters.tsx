import { useId } from 'preact/hooks';
import { type Query, setQuery } from '../state/route.ts';
import { SelectField } from './field.tsx';

interface FilterProps {
  readonly label: string;
  /** As the API calls it; it stands in the address by this name. */
  readonly name: string;
  readonly query: Query;
}

/** A text to filter by; asks when it is complete, not at every letter. */
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

/** One of several to filter by, or any. */
export const SelectFilter = ({ label, name, query, options }: SelectFilterProps) => (
  <SelectField
    label={label}
    value={query[name] ?? ''}
    options={[['', 'Any'], ...options]}
    onValue={(value) => setQuery({ ...query, [name]: value })}
  />
);
