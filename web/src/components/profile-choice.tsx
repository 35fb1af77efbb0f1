import type { ServingProfile } from '../../../src/contract/serving.ts';
import { SelectField } from './field.tsx';

interface ProfileChoiceProps {
  readonly profiles: readonly ServingProfile[];
  readonly profile: ServingProfile | null;
  readonly rank: number;
  readonly onName: (name: string) => void;
}

/** The choice of the server that is to load the result, with its rules on ranks. */
export function ProfileChoice({ profiles, profile, rank, onName }: ProfileChoiceProps) {
  return (
    <SelectField
      label="Serve with"
      value={profile?.name ?? ''}
      options={[
        ['', 'Anything that reads the format'],
        ...profiles.map(({ name, title }): [string, string] => [name, title]),
      ]}
      onValue={onName}
      note={profile && rules(profile, rank)}
    />
  );
}

function rules({ max_rank: cap, allowed_ranks: allowed, same_rank: same }: ServingProfile, rank: number) {
  const words: string[] = [];
  if (cap.default !== null) {
    const largest = cap.largest === null || cap.largest === cap.default ? '' : `, at most ${cap.largest}`;
    words.push(`Ranks up to ${cap.default}${cap.setting === null ? '' : ' by default'}${largest}.`);
    if (rank > cap.default && cap.setting !== null) {
      const step = cap.steps?.find((one) => one >= rank) ?? rank;
      words.push(`Rank ${rank} needs ${cap.setting} ${step} there.`);
    }
  }
  if (allowed) words.push(`Ranks ${listed(allowed.ranks)} only: ${allowed.reason}`);
  if (same === 'all') words.push('One rank for all modules.');
  return words.join(' ') || 'Any rank.';
}

/** Lists all values if they are few, otherwise the first and the last. */
const listed = (ranks: readonly number[]): string =>
  ranks.length <= 6 ? ranks.join(', ') : `${ranks.slice(0, 4).join(', ')}, … ${ranks.at(-1)}`;
