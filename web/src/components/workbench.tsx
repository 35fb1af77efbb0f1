import { useEffect, useState } from 'preact/hooks';
import { DEFAULT_CRITERION } from '../../../src/contract/target.ts';
import type { RankStudio, RankStudioProps } from './rank-studio.tsx';

/** Lets the browser do what waits: what comes after it is a task of its own. */
const nextTask = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

/** The studio of an analysed adapter, which is loaded when the first adapter is opened: other pages do without it. */
export function Workbench(props: RankStudioProps) {
  const [Studio, setStudio] = useState<typeof RankStudio>();
  useEffect(() => {
    let isGone = false;
    async function load(): Promise<void> {
      const [loaded, { curveByModule, limitsOf, rankStudio }] = await Promise.all([
        import('./rank-studio.tsx'),
        import('../preview/rank-studio.ts'),
      ]);
      // What takes longest is made beforehand, so that the first picture of thousands of modules is not one long task.
      await nextTask();
      const studio = rankStudio(props.analyzed, limitsOf(null), DEFAULT_CRITERION);
      await nextTask();
      curveByModule(studio, new Map());
      await nextTask();
      // In a function: a state that is a function would be called.
      if (!isGone) setStudio(() => loaded.RankStudio);
    }
    void load();
    return () => {
      isGone = true;
    };
  }, []);
  return Studio ? <Studio {...props} /> : <p class="note">Loading…</p>;
}
