import { useState } from 'preact/hooks';
import type { AdapterRecord } from '../../../src/contract/adapter.ts';
import type { Target } from '../../../src/contract/target.ts';
import { capabilities } from '../api/choices.ts';
import { commonConversions, firstOptions, parseOptions } from '../preview/format-options.ts';
import { useLoaded } from '../state/use-loaded.ts';
import { FIELD_LABELS } from '../text/field-labels.ts';
import { SelectField } from './field.tsx';
import { type FormValues, SelectInput, TextInput } from './form.tsx';
import { OptionFields } from './option-fields.tsx';

/** Of many adapters that a server does not load, the first few show what is wrong. */
const MAX_NAMED = 5;

const POLICY_WORDS = {
  rank: 'One rank for all adapters',
  energy: 'Energy: the smallest rank of each adapter that keeps enough',
  tolerance: 'Error: the smallest rank of each adapter that is close enough',
};
type Policy = keyof typeof POLICY_WORDS;

interface TargetFieldsProps {
  /** The adapters to be written; empty if their formats are not known, so that none is offered. */
  readonly adapters: readonly Pick<AdapterRecord, 'name' | 'format'>[];
  readonly baseModel: string | null;
  readonly rank: number;
  readonly rankNote?: string;
  /** Whether a rank may also be chosen for each adapter, by a policy. */
  readonly hasPolicies?: boolean;
  /** The choice with which the fields begin. */
  readonly initial?: Target | null;
}

/**
 * Fields for the target of adapters without an analysis: a policy, a server, a format and the options that it
 * needs.
 */
export function TargetFields(props: TargetFieldsProps) {
  const { adapters, baseModel, rankNote, hasPolicies, initial } = props;
  const { value } = useLoaded(capabilities, []);
  const [policy, setPolicy] = useState<Policy>(policyOf(initial));
  const [format, setFormat] = useState<string>(initial?.format ?? '');
  const [profileName, setProfileName] = useState(initial?.profile ?? '');
  const owns = [...new Set(adapters.map((one) => one.format))];
  const conversions = value && owns.length > 0 ? commonConversions(value, owns, baseModel) : null;
  const { formats = [], architectures = [] } = conversions ?? {};
  const conversion = formats.find((one) => one.format === format);
  const titleOf = (one: string) => value?.formats.find(({ name }) => name === one)?.title ?? one;
  const profile = value?.profiles.find(({ name }) => name === profileName);
  const misfits = adapters.filter(
    (one) => profile && !profile.formats.some((loaded) => loaded === (format || one.format)),
  );
  const remedy = formats.find((one) => profile?.formats.includes(one.format));
  return (
    <>
      {hasPolicies && (
        <SelectInput
          label="Choose the rank by"
          name="policy"
          options={Object.entries(POLICY_WORDS)}
          value={policy}
          onValue={(name) => setPolicy(name as Policy)}
        />
      )}
      {policy === 'rank' && (
        <TextInput
          label="Rank"
          name="rank"
          type="number"
          value={String(initial && 'rank' in initial ? initial.rank : props.rank)}
          min={1}
          max={65_536}
          isRequired
          note={rankNote}
        />
      )}
      {policy === 'energy' && (
        <PercentInput
          label="Energy that every module keeps, %"
          name="energy"
          value={percentOf(initial, 'energy', 90)}
        />
      )}
      {policy === 'tolerance' && (
        <PercentInput
          label="Error of every module at most, %"
          name="tolerance"
          value={percentOf(initial, 'tolerance', 5)}
        />
      )}
      <SelectInput
        label={FIELD_LABELS.profile}
        name="profile"
        options={[
          ['', 'Anything that reads the format'],
          ...(value?.profiles ?? []).map(({ name, title }) => [name, title] as const),
        ]}
        value={profileName}
        onValue={setProfileName}
      />
      <div role="status">
        {profile && misfits.length > 0 && (
          <div class="problem">
            <p>
              {profile.title} loads {profile.formats.map(titleOf).join(' or ')}.{' '}
              {misfits.length === adapters.length
                ? 'It will load none of these adapters: '
                : `It will not load ${misfits.length} of the ${adapters.length} adapters: `}
              {misfits
                .slice(0, MAX_NAMED)
                .map((one) => `${one.name} (${titleOf(format || one.format)})`)
                .join(', ')}
              {misfits.length > MAX_NAMED && ` and ${misfits.length - MAX_NAMED} more`}.
              {!remedy && ' Choose another server or leave them out.'}
            </p>
            {remedy && (
              <button type="button" onClick={() => setFormat(remedy.format)}>
                Convert all to {remedy.title}
              </button>
            )}
          </div>
        )}
      </div>
      {formats.length > 0 && (
        <>
          <SelectField
            label={FIELD_LABELS.format}
            value={format}
            options={[
              ['', `As ${adapters.length === 1 ? 'it is' : 'they are'} (${owns.map(titleOf).join(', ')})`],
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

const policyOf = (target: Target | null | undefined): Policy =>
  (Object.keys(POLICY_WORDS) as Policy[]).find((policy) => target && policy in target) ?? 'rank';

function percentOf(target: Target | null | undefined, policy: Policy, usual: number): string {
  const share = (target as Readonly<Partial<Record<Policy, number>>> | null | undefined)?.[policy];
  return String(share === undefined ? usual : Number((share * 100).toPrecision(6)));
}

function PercentInput(props: { readonly label: string; readonly name: Policy; readonly value: string }) {
  return <TextInput {...props} type="number" min={0.1} max={99.9} isRequired />;
}

/** The target that was entered in the fields. */
export function targetFromForm(entered: FormValues): Target {
  const options = parseOptions((name) => entered.get(name));
  const policy = entered.get('policy') ?? 'rank';
  const value = Number(entered.get(policy));
  return {
    [policy]: policy === 'rank' ? value : value / 100,
    ...(entered.has('profile') && { profile: entered.get('profile')! }),
    ...(entered.has('format') && { format: entered.get('format') }),
    ...(entered.has('format') && Object.keys(options).length > 0 && { format_options: options }),
  } as Target;
}
