import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { ServingProfile } from '../../../src/contract/serving.ts';
import type { Target } from '../../../src/contract/target.ts';
import type { PinnedRanks } from '../../../src/core/policy/allocate-ranks.ts';
import { formOf, queryOf } from '../preview/choice-address.ts';
import { chooseRanks } from '../preview/choose-ranks.ts';
import { type Analyzed, type Preview, previewOf } from '../preview/preview.ts';
import { nearestChoice, rankChoices, refusalOfUnequal } from '../preview/rank-choices.ts';
import { allowedPins, limitsOf, type RankStudio, rankStudio, sharedOut } from '../preview/rank-studio.ts';
import { type TargetForm, targetOf } from '../preview/target-form.ts';
import { route, setQuery } from './route.ts';

/** Browsers refuse addresses that change with every step of a slider: further changes are written after a pause. */
const ADDRESS_PAUSE_MS = 250;
/** With these the last step of a drag is made, or the page may go: what waits for the pause is written at once. */
const ENDS_OF_CHANGES = ['pointerup', 'pointercancel', 'keyup', 'change', 'visibilitychange'] as const;

const NO_PINS: PinnedRanks = new Map();

/** What is chosen for an adapter, and what that comes to. */
export interface Choice {
  readonly form: TargetForm;
  readonly profile: ServingProfile | null;
  readonly studio: RankStudio;
  /** As the server takes them; none where ranks are chosen otherwise. */
  readonly pins: PinnedRanks;
  readonly target: Target;
  /** One for each module; null: the choice cannot be. */
  readonly ranks: readonly number[] | null;
  readonly preview: Preview | null;
  /** Why the choice cannot be. */
  readonly objection: string | null;
  /** Why the server refuses ranks by module. */
  readonly refusal: string | null;
  readonly onChange: (change: Partial<TargetForm>) => void;
}

/** The choice of the workbench, which is in the address: a reload and whoever is sent the link have the same. */
export function useChoice(analyzed: Analyzed, profiles: readonly ServingProfile[]): Choice {
  const [raw, setForm] = useAddressed(analyzed);
  const profile = profiles.find(({ name }) => name === raw.profile) ?? null;
  const studio = useMemo(
    () => rankStudio(analyzed, limitsOf(profile), raw.criterion),
    [analyzed, profile, raw.criterion],
  );
  const rankOptions = useMemo(
    () => rankChoices(analyzed.analysis.curve.length, profile),
    [analyzed, profile],
  );
  const pins = useMemo(
    () => (raw.policy === 'modules' ? allowedPins(studio, raw.pins) : NO_PINS),
    [studio, raw.policy, raw.pins],
  );
  const form = { ...raw, rank: nearestChoice(rankOptions, raw.rank), pins };
  const asked = JSON.stringify({ ...form, pins: null });
  const { target, ranks, objection } = useMemo(() => decided(), [asked, pins, studio]);
  const preview = useMemo(() => ranks && previewOf(analyzed, ranks), [ranks, analyzed]);
  const onChange = useCallback(
    (change: Partial<TargetForm>) => setForm((before) => ({ ...before, ...change })),
    [],
  );
  const refusal = refusalOfUnequal(profile);
  return { form, profile, studio, pins, target, ranks, preview, objection, refusal, onChange };

  function decided(): Pick<Choice, 'target' | 'ranks' | 'objection'> {
    const { modules } = analyzed;
    const shared = form.policy === 'modules' ? sharedOut(studio, form.parameters, pins) : [];
    const wish = targetOf(form, profile, { modules, ranks: shared });
    if (form.policy === 'modules')
      return { target: wish, ranks: shared, objection: refusalOfUnequal(profile) };
    try {
      return { target: wish, ranks: chooseRanks(wish, profile, analyzed), objection: null };
    } catch (error) {
      return { target: wish, ranks: null, objection: (error as Error).message };
    }
  }
}

/** Of the address itself, which is ahead of what the page shows. */
const placeNow = (): string => location.hash.split('?', 1)[0]!;

/** A form that begins as the address says, is written into it when it has changed, and follows it when that has. */
function useAddressed(analyzed: Analyzed) {
  const { query } = route.value;
  const place = useRef(placeNow()).current;
  const [form, setForm] = useState(() => formOf(query, analyzed));
  const asked = JSON.stringify(query);
  const written = useRef(asked);
  useEffect(() => {
    // Somebody followed a link to this page with another choice.
    if (asked === written.current || placeNow() !== place) return;
    written.current = asked;
    setForm(formOf(query, analyzed));
  }, [asked]);
  const wanted = queryOf(form, analyzed);
  const text = JSON.stringify(wanted);
  const isFirst = useRef(true);
  const changed = useRef(Number.NEGATIVE_INFINITY);
  const waiting = useRef<(() => void) | undefined>(undefined);
  useLayoutEffect(() => {
    if (isFirst.current) {
      isFirst.current = false;
      return undefined;
    }
    const write = () => {
      // Whoever has left within the pause takes nothing along into the address of the next page.
      if (text === written.current || placeNow() !== place) return;
      setQuery(wanted);
      written.current = JSON.stringify(route.value.query);
    };
    // At once, so that a reload right after it has the choice, too: an address of pagehide is not what is loaded.
    const isAlone = performance.now() - changed.current > ADDRESS_PAUSE_MS;
    changed.current = performance.now();
    if (isAlone) return write();
    const timer = setTimeout(write, ADDRESS_PAUSE_MS);
    waiting.current = write;
    return () => {
      clearTimeout(timer);
      waiting.current = undefined;
    };
  }, [text]);
  useEffect(() => {
    const settle = () => waiting.current?.();
    for (const name of ENDS_OF_CHANGES) document.addEventListener(name, settle);
    return () => {
      for (const name of ENDS_OF_CHANGES) document.removeEventListener(name, settle);
    };
  }, []);
  return [form, setForm] as const;
}
