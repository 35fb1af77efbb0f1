import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

/** What the tab is called while a page knows better than its address; null: by the address. */
export const pageTitle = signal<string | null>(null);

/** Names the tab as long as the page is shown. */
export function useTitle(title: string | null): void {
  useEffect(() => {
    pageTitle.value = title;
  }, [title]);
  useEffect(
    () => () => {
      pageTitle.value = null;
    },
    [],
  );
}
