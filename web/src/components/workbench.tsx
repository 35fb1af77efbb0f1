import { useEffect, useState } from 'preact/hooks';
import type { RankStudio, RankStudioProps } from './rank-studio.tsx';

/** The studio of an analysed adapter, which is loaded when the first adapter is opened: other pages do without it. */
export function Workbench(props: RankStudioProps) {
  const [Studio, setStudio] = useState<typeof RankStudio>();
  useEffect(() => {
    let isGone = false;
    // In a function: a state that is a function would be called.
    void import('./rank-studio.tsx').then((loaded) => !isGone && setStudio(() => loaded.RankStudio));
    return () => {
      isGone = true;
    };
  }, []);
  return Studio ? <Studio {...props} /> : <p class="note">Loading…</p>;
}
