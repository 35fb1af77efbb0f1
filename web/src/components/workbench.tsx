import { useEffect, useState } from 'preact/hooks';
import { DEFAULT_CRITERION } from '../../../src/contract/target.ts';
import type { RankStudio, RankStudioProps } from './rank-studio.tsx';

/**
 * The studio of an analysed adapter. It is loaded when the first adapter is opened, because other pages do
 * not need it.
 */
export function Workbench(props: RankStudioProps) {
  const [Studio, setStudio] = useState<typeof RankStudio>();
  useEffect(() => {
    let isGone = false;
    async function load(): Promise<void> {
      const [loaded, { rankLimits, prepareStudio }] = await Promise.all([
        import('./rank-studio.tsx'),
        import('../preview/rank-studio.ts'),
      ]);
      // The slowest computation runs beforehand, so that the first render for thousands of modules is not
      // one long task.
      await prepareStudio(props.analyzed, rankLimits(null, null), DEFAULT_CRITERION);
      // Wrapped in a function, because the setter would call a function passed as the new state.
      if (!isGone) setStudio(() => loaded.RankStudio);
    }
    void load();
    return () => {
      isGone = true;
    };
  }, []);
  return Studio ? <Studio {...props} /> : <p class="note">Loading…</p>;
}
