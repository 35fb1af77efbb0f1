import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { ServingProfile } from '../../../src/contract/serving.ts';
import { DEFAULT_CRITERION, type Target } from '../../../src/contract/target.ts';
import type { Criterion, PinnedRanks } from '../../../src/core/policy/allocate-ranks.ts';
import { NO_LIMITS, type RankLimits } from '../../../src/serving/rank-limits.ts';
import { formatQuery, parseForm } from '../preview/choice-address.ts';
import { chooseRanks } from '../preview/choose-ranks.ts';
import { type AnalyzedAdapter, computePreview, type Preview } from '../preview/preview.ts';
import {
  namedRankRefusal,
  nearestChoice,
  rankChoices,
  unequalRanksRefusal,
} from '../preview/rank-choices.ts';
import {
  allocateWithin,
  allowedPins,
  prepareStudio,
  type RankStudio,
  rankLimits,
  rankStudio,
  sizeRange,
  studioAtOnce,
} from '../preview/rank-studio.ts';
import { buildTarget, type TargetForm } from '../preview/target-form.ts';
import { route, setQuery } from './route.ts';

/**
 * Browsers block addresses that change at every step of a slider, so further changes are written after a
 * pause.
 */
const ADDRESS_PAUSE_MS = 250;
/**
 * These events end a drag or may precede leaving the page: a change that waits for the pause is then
 * written at once.
 */
const CHANGE_END_EVENTS = ['pointerup', 'pointercancel', 'keyup', 'change', 'visibilitychange'] as const;

const NO_PINS: PinnedRanks = new Map();

/** The choice for an adapter, with the resulting ranks and preview. */
export interface Choice {
  readonly form: TargetForm;
  readonly profile: ServingProfile | null;
  /** The ranks that all modules can be given, ascending. */
  readonly choices: readonly number[];
  /** The reason why the nearest of these replaces the rank that the user named; null if it does not. */
  readonly rankNote: string | null;
  readonly studio: RankStudio;
  /** False while the studio is still that of an earlier profile or criterion. */
  readonly isReady: boolean;
  /** The pins as the server allows them; empty if ranks are not chosen by module. */
  readonly pins: PinnedRanks;
  /** The wanted size and the smallest one with the pins, in bytes, if that is larger; otherwise null. */
  readonly unreached: { readonly wanted: number; readonly smallest: number } | null;
  readonly target: Target;
  /** One rank for each module; null if the choice is impossible. */
  readonly ranks: readonly number[] | null;
  readonly preview: Preview | null;
  /** The reason why the choice is impossible. */
  readonly objection: string | null;
  /** Says if limits on the ranks keep modules from what the policy promises. */
  readonly missed: string | null;
  /** The reason why the server refuses ranks by module. */
  readonly refusal: string | null;
  readonly onChange: (change: Partial<TargetForm>) => void;
}

/** The choice of the workbench. It is kept in the address, so that a reload or a shared link restores it. */
export function useChoice(analyzed: AnalyzedAdapter, profiles: readonly ServingProfile[]): Choice {
  const [raw, setForm] = useFormInAddress(analyzed);
  const profile = profiles.find(({ name }) => name === raw.profile) ?? null;
  const { serverRank } = raw;
  const limits = useMemo(() => rankLimits(profile, serverRank), [profile, serverRank]);
  const { studio, isReady } = useStudio(analyzed, limits, raw.criterion);
  const own = analyzed.analysis.curve.length;
  const choices = useMemo(() => rankChoices(own, profile, serverRank), [own, profile, serverRank]);
  const pins = useMemo(
    () => (raw.policy === 'modules' ? allowedPins(studio, raw.pins) : NO_PINS),
    [studio, raw.policy, raw.pins],
  );
  const form = { ...raw, rank: nearestChoice(choices, raw.rank), pins };
  const asked = JSON.stringify({ ...form, pins: null });
  const { target, ranks, objection, missed } = useMemo(() => decided(), [asked, pins, studio]);
  const preview = useMemo(() => ranks && computePreview(analyzed, ranks), [ranks, analyzed]);
  const onChange = useCallback(
    (change: Partial<TargetForm>) => setForm((before) => ({ ...before, ...change })),
    [],
  );
  return {
    form,
    profile,
    choices,
    rankNote: namedRankRefusal(own, profile, serverRank, raw.rank),
    studio,
    isReady,
    pins,
    unreached: unreachedSize(),
    target,
    ranks,
    preview,
    objection,
    missed,
    refusal: unequalRanksRefusal(profile),
    onChange,
  };

  function unreachedSize(): Choice['unreached'] {
    if (pins.size === 0) return null;
    const { minimum } = sizeRange(studio, pins);
    if (minimum <= form.parameters) return null;
    const { bytesPerParameter } = analyzed;
    return { wanted: form.parameters * bytesPerParameter, smallest: minimum * bytesPerParameter };
  }

  function decided(): Pick<Choice, 'target' | 'ranks' | 'objection' | 'missed'> {
    const { modules } = analyzed;
    const shared = form.policy === 'modules' ? allocateWithin(studio, form.parameters, pins) : [];
    const wish = buildTarget(form, profile, { modules, ranks: shared });
    if (form.policy === 'modules')
      return { target: wish, ranks: shared, objection: unequalRanksRefusal(profile), missed: null };
    try {
      return { target: wish, ...chooseRanks(wish, profile, analyzed), objection: null };
    } catch (error) {
      return { target: wish, ranks: null, objection: (error as Error).message, missed: null };
    }
  }
}

/** The studio for a profile and a criterion. Until it is computed, the last one is used. */
function useStudio(
  analyzed: AnalyzedAdapter,
  limits: RankLimits,
  criterion: Criterion,
): Pick<Choice, 'studio' | 'isReady'> {
  const [latest, setLatest] = useState<RankStudio>();
  const atOnce = useMemo(
    () => studioAtOnce(analyzed, limits, criterion),
    // The one that was prepared is known now.
    [analyzed, limits, criterion, latest],
  );
  useEffect(() => {
    if (atOnce) return undefined;
    let isGone = false;
    void prepareStudio(analyzed, limits, criterion).then((studio) => {
      if (!isGone) setLatest(studio);
    });
    return () => {
      isGone = true;
    };
  }, [analyzed, limits, criterion]);
  const last = useRef<RankStudio | undefined>(undefined);
  const studio = atOnce ?? last.current ?? rankStudio(analyzed, NO_LIMITS, DEFAULT_CRITERION);
  last.current = studio;
  return { studio, isReady: atOnce !== undefined };
}

/** The page in the address bar, which may be ahead of the page that is shown. */
const currentPath = (): string => location.hash.split('?', 1)[0]!;

/**
 * A form that starts from the address, writes its changes to the address, and follows changes of the
 * address.
 */
function useFormInAddress(analyzed: AnalyzedAdapter) {
  const { query } = route.value;
  const place = useRef(currentPath()).current;
  const [form, setForm] = useState(() => parseForm(query, analyzed));
  const asked = JSON.stringify(query);
  const written = useRef(asked);
  useEffect(() => {
    // The user followed a link to this page with another choice.
    if (asked === written.current || currentPath() !== place) return;
    written.current = asked;
    setForm(parseForm(query, analyzed));
  }, [asked]);
  const wanted = formatQuery(form, analyzed);
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
      // If the user left the page during the pause, the choice must not end up in the address of the next
      // page.
      if (text === written.current || currentPath() !== place) return;
      setQuery(wanted);
      written.current = JSON.stringify(route.value.query);
    };
    // A single change is written at once, so that a reload keeps it: browsers ignore an address set in
    // pagehide.
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
    for (const name of CHANGE_END_EVENTS) document.addEventListener(name, settle);
    return () => {
      for (const name of CHANGE_END_EVENTS) document.removeEventListener(name, settle);
    };
  }, []);
  return [form, setForm] as const;
}
