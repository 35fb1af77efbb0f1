import { useId } from 'preact/hooks';
import type { ServingProfile } from '../../../src/contract/serving.ts';
import { type ServerRank, serverRank } from '../preview/rank-choices.ts';
import { FIELD_LABELS } from '../text/field-labels.ts';
import { SelectField } from './field.tsx';

interface ProfileChoiceProps {
  readonly profiles: readonly ServingProfile[];
  readonly profile: ServingProfile | null;
  readonly set: ServerRank;
  readonly onName: (name: string) => void;
  readonly onSet: (set: ServerRank) => void;
}

/** The choice of the server that is to load the result, with the largest rank that it is set to. */
export function ProfileChoice({ profiles, profile, set, onName, onSet }: ProfileChoiceProps) {
  return (
    <>
      <SelectField
        label={FIELD_LABELS.profile}
        value={profile?.name ?? ''}
        options={[
          ['', 'Anything that reads the format'],
          ...profiles.map(({ name, title }): [string, string] => [name, title]),
        ]}
        onValue={onName}
        note={profile && rules(profile)}
      />
      {profile && profile.max_rank.setting !== null && (
        <ServerRankField profile={profile} set={set} onSet={onSet} />
      )}
    </>
  );
}

type ServerRankProps = Pick<ProfileChoiceProps, 'set' | 'onSet'> & { readonly profile: ServingProfile };

/** The value of the setting that limits the ranks of the server. */
function ServerRankField({ profile, set, onSet }: ServerRankProps) {
  const id = useId();
  const { default: byDefault, largest, steps, setting } = profile.max_rank;
  const value = serverRank(profile, set);
  const onValue = (text: string) => {
    const rank = Math.round(Number(text));
    onSet(rank >= 1 && rank !== byDefault ? rank : null);
  };
  const label = `${FIELD_LABELS.max_rank}, set by ${setting}`;
  if (steps)
    return (
      <SelectField
        label={label}
        value={String(value)}
        options={[...new Set([...steps, value!])]
          .sort((one, other) => one - other)
          .map((rank): [string, string] => [
            String(rank),
            `${rank}${rank === byDefault ? ', the default' : ''}`,
          ])}
        onValue={onValue}
      />
    );
  return (
    <div class="field">
      <div class="row spread">
        <label for={id}>{label}</label>
        <input
          id={id}
          type="number"
          class="rank-number"
          min={profile.min_rank}
          max={largest ?? 65_536}
          value={value ?? ''}
          placeholder="no limit"
          onChange={({ currentTarget }) => onValue(currentTarget.value)}
        />
      </div>
    </div>
  );
}

function rules({ max_rank: cap, allowed_ranks: allowed, same_rank: same }: ServingProfile) {
  const words: string[] = [];
  if (cap.setting === null && cap.default !== null) words.push(`Ranks up to ${cap.default}.`);
  if (allowed) words.push(`Ranks ${listed(allowed.ranks)} only: ${allowed.reason}.`);
  if (same === 'all') words.push('One rank for all modules.');
  return words.join(' ');
}

/** Lists all values if they are few, otherwise the first and the last. */
const listed = (ranks: readonly number[]): string =>
  ranks.length <= 6 ? ranks.join(', ') : `${ranks.slice(0, 4).join(', ')}, … ${ranks.at(-1)}`;
