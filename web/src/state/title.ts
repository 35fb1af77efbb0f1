import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

/** The title that a page sets for its tab; null: the title follows from the address. */
export const pageTitle = signal<string | null>(null);

/** Sets the title of the tab while the page is shown. */
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
