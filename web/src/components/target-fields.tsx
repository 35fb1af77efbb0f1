import { useState } from 'preact/hooks';
import type { Target } from '../../../src/contract/target.ts';
import { capabilities } from '../api/choices.ts';
import { firstOptions, listConversions, parseOptions } from '../preview/format-options.ts';
import { useLoaded } from '../state/use-loaded.ts';
import { SelectField } from './field.tsx';
import { type FormValues, SelectInput, TextInput } from './form.tsx';
import { OptionFields } from './option-fields.tsx';

interface TargetFieldsProps {
  /** The format of the adapters; null if there are several adapters, which keep their own formats. */
  readonly format: string | null;
  readonly baseModel: string | null;
  readonly rank: number;
}

/**
 * Fields for the target of adapters without an analysis: a rank, a server, a format and the options that it
 * needs.
 */
export function TargetFields({ format: own, baseModel, rank }: TargetFieldsProps) {
  const { value } = useLoaded(capabilities, []);
  const [format, setFormat] = useState('');
  const conversions = value && own !== null ? listConversions(value, own, baseModel) : null;
  const { formats = [], architectures = [] } = conversions ?? {};
  const conversion = formats.find((one) => one.format === format);
  const ownTitle = value?.formats.find(({ name }) => name === own)?.title ?? own;
  return (
    <>
      <TextInput
        label="Rank"
        name="rank"
        type="number"
        value={String(rank)}
        min={1}
        max={65_536}
        isRequired
      />
      <SelectInput
        label="Serve with"
        name="profile"
        options={[
          ['', 'Anything that reads the format'],
          ...(value?.profiles ?? []).map(({ name, title }) => [name, title] as const),
        ]}
      />
      {formats.length > 0 && (
        <>
          <SelectField
            label="Format"
            value={format}
            options={[
              ['', `As it is (${ownTitle})`],
              ...formats.map((one) => [one.format as string, one.title] as const),
            ]}
            onValue={setFormat}
          />
          <input type="hidden" name="format" value={format} />
        </>
      )}
      {conversion && conversions && (
        <OptionFields
          key={format}
          conversion={conversion}
          architectures={architectures}
          values={firstOptions(conversions, format)}
        />
      )}
    </>
  );
}

/** The target that was entered in the fields. */
export function targetFromForm(entered: FormValues): Target {
  const options = parseOptions((name) => entered.get(name));
  return {
    rank: Number(entered.get('rank')),
    ...(entered.has('profile') && { profile: entered.get('profile')! }),
    ...(entered.has('format') && { format: entered.get('format') }),
    ...(entered.has('format') && Object.keys(options).length > 0 && { format_options: options }),
  } as Target;
}
