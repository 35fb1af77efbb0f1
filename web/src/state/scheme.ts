import { computed, effect, signal } from '@preact/signals';
import type { Scheme } from '../../../src/charts/palette.ts';

const STORAGE_KEY = 'lora-squeeze.scheme';
const CHOICES = ['system', 'light', 'dark'] as const;
export type SchemeChoice = (typeof CHOICES)[number];

const prefersDark = matchMedia('(prefers-color-scheme: dark)');
const system = signal<Scheme>(prefersDark.matches ? 'dark' : 'light');
prefersDark.addEventListener('change', ({ matches }) => {
  system.value = matches ? 'dark' : 'light';
});

const stored = localStorage.getItem(STORAGE_KEY);
/** The scheme that the user has chosen. */
export const schemeChoice = signal<SchemeChoice>(CHOICES.find((choice) => choice === stored) ?? 'system');
/** The scheme that is shown. */
export const scheme = computed<Scheme>(() =>
  schemeChoice.value === 'system' ? system.value : schemeChoice.value,
);

effect(() => {
  const choice = schemeChoice.value;
  document.documentElement.dataset.scheme = choice;
  if (choice === 'system') localStorage.removeItem(STORAGE_KEY);
  else localStorage.setItem(STORAGE_KEY, choice);
});

const reduced = matchMedia('(prefers-reduced-motion: reduce)');
export const isMotionReduced = signal(reduced.matches);
reduced.addEventListener('change', ({ matches }) => {
  isMotionReduced.value = matches;
});
