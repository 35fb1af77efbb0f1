import { useState } from 'preact/hooks';
import type { Capabilities } from '../../../src/contract/capabilities.ts';
import type { Target } from '../../../src/contract/target.ts';
import { capabilities } from '../api/choices.ts';
import { useLoaded } from '../state/use-loaded.ts';
import { architectureOf } from '../words/architecture-of.ts';
import { SelectField } from './field.tsx';
import { type Entered, SelectInput, TextInput } from './form.tsx';

interface TargetFieldsProps {
  /** The format of the adapters; null: several, which stay in theirs. */
  readonly format: string | null;
  readonly baseModel: string | null;
  readonly rank: number;
}

/** What becomes of adapters where there is no analysis to choose by: a rank, a server, a format and what that needs. */
export function TargetFields({ format: own, baseModel, rank }: TargetFieldsProps) {
  const { value } = useLoaded(capabilities, []);
  const [format, setFormat] = useState('');
  const ways = value?.formats.find(({ name }) => name === own)?.converts_to ?? [];
  const way = ways.find((one) => one.format === format);
  const titleOf = (name: string) => value?.formats.find((one) => one.name === name)?.title ?? name;
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
      {ways.length > 0 && (
        <>
          <SelectField
            label="Format"
            value={format}
            options={[
              ['', `As it is (${titleOf(own!)})`],
              ...ways.map((one) => [one.format as string, titleOf(one.format)] as const),
            ]}
            onValue={setFormat}
          />
          <input type="hidden" name="format" value={format} />
        </>
      )}
      {way && value && (
        <OptionFields
          key={format}
          names={[...way.needs, ...way.takes]}
          needs={way.needs}
          baseModel={baseModel}
          capabilities={value}
        />
      )}
    </>
  );
}

interface OptionFieldsProps {
  readonly names: readonly string[];
  readonly needs: readonly string[];
  readonly baseModel: string | null;
  readonly capabilities: Capabilities;
}

/** What a format has to be told, filled in as far as the base model's name tells it. */
function OptionFields({ names, needs, baseModel, capabilities: { architectures } }: OptionFieldsProps) {
  const needed = (name: string) => needs.includes(name);
  return (
    <>
      {names.includes('architecture') && (
        <SelectInput
          label="Architecture of the base model"
          name="architecture"
          value={architectureOf(baseModel, architectures)}
          options={[
            ['', needed('architecture') ? 'Choose one' : 'As the files say'],
            ...architectures.map((one) => [one, one] as const),
          ]}
        />
      )}
      {names.includes('heads') && (
        <TextInput
          label="Attention heads of the base model"
          name="heads"
          type="number"
          min={1}
          max={1024}
          note="Needed for llama and mistral, whose rows llama.cpp reorders."
        />
      )}
      {names.includes('kv_heads') && (
        <TextInput label="Key and value heads" name="kv_heads" type="number" min={1} max={1024} />
      )}
      {names.includes('component') && (
        <SelectInput
          label="Part of the pipeline"
          name="component"
          options={[
            ['', 'As the module names say'],
            ...['unet', 'transformer', 'text_encoder', 'text_encoder_2'].map((one) => [one, one] as const),
          ]}
        />
      )}
      {names.includes('base_model') && (
        <TextInput
          label="Base model"
          name="base_model"
          value={baseModel ?? ''}
          isRequired={needed('base_model')}
        />
      )}
    </>
  );
}

/** The target that the fields say. */
export function targetEntered(entered: Entered): Target {
  const text = (name: string) => entered.get(name);
  const number = (name: string) => (entered.has(name) ? Number(entered.get(name)) : undefined);
  const given = {
    ...{ architecture: text('architecture'), component: text('component'), base_model: text('base_model') },
    ...{ heads: number('heads'), kv_heads: number('kv_heads') },
  };
  const options = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return {
    rank: Number(entered.get('rank')),
    ...(entered.has('profile') && { profile: entered.get('profile')! }),
    ...(entered.has('format') && { format: entered.get('format') }),
    ...(entered.has('format') && Object.keys(options).length > 0 && { format_options: options }),
  } as Target;
}
