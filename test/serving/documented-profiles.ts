import type { Profile } from '../../src/serving/profile.ts';

const RANKS: Readonly<Record<Profile['same_rank'], string>> = {
  none: 'by module',
  experts: 'by module, experts of a layer the same',
  all: 'one for all',
};
const SCALES: Readonly<Record<Profile['scale']['formula'], string>> = {
  module: 'each module’s own',
  config: '`lora_alpha / r` for all',
  'tensor-rank': '`lora_alpha` / rank of the tensors',
  unstated: 'not documented: 1',
};

/** The row of a profile in the table of docs/serving.md. */
export function rowOf(profile: Profile): string {
  const { max_rank: cap, scale, lacks } = profile;
  const largest =
    cap.default === null
      ? 'any'
      : cap.largest === cap.default
        ? `${cap.default}`
        : `${cap.default}, can be ${cap.largest ?? 'any'}`;
  const span = profile.min_rank > 1 ? `${profile.min_rank} to ${largest}` : largest;
  const ranks = profile.allowed_ranks ? `8, multiples of 16 to ${profile.allowed_ranks.ranks.at(-1)}` : span;
  const rslora = scale.formula === 'config' && !scale.rslora ? ', rsLoRA ignored' : '';
  const by = (effect: string): string =>
    lacks
      .filter((lack) => lack.effect === effect)
      .map(({ feature }) => feature)
      .join(', ') || '–';
  const cells = [
    `\`${profile.name}\``,
    profile.title,
    profile.formats.map((format) => `\`${format}\``).join(', '),
    ranks,
    RANKS[profile.same_rank],
    SCALES[scale.formula] + rslora,
    by('refused'),
    by('ignored'),
  ];
  return `| ${cells.join(' | ')} |`;
}

/** The sources of a profile, as docs/serving.md lists them. */
export const sourcesOf = ({ title, sources }: Profile): string[] =>
  sources.map(({ what, version, url }) => `- ${title}, ${version}: [${what}](${url})`);
