import { signal } from '@preact/signals';

const wide = matchMedia('(min-width: 900px)');
/** Whether a panel over the whole width of the page has room for long labels. */
export const isWide = signal(wide.matches);
wide.addEventListener('change', ({ matches }) => {
  isWide.value = matches;
});
