import { useEffect, useRef } from 'preact/hooks';
import { isAskingForKey, keepKey, key, refused } from '../state/key.ts';
import { ProblemNote } from './problem-note.tsx';

/** Asks for the key where the service wants one. */
export function KeyForm() {
  const input = useRef<HTMLInputElement>(null);
  const isShown = refused.value !== null || isAskingForKey.value;
  useEffect(() => {
    if (isShown) input.current?.focus();
  }, [isShown]);
  if (!isShown) return null;
  // Alone on the page it is what the page is about.
  const Title = refused.value === null ? 'h2' : 'h1';

  const submit = (event: Event) => {
    event.preventDefault();
    const value = input.current!.value.trim();
    if (value !== '') keepKey(value);
  };
  return (
    <section class="panel key-form" aria-labelledby="key-title">
      <Title id="key-title">This service needs a key</Title>
      {/* That none was sent is no news: nobody was asked yet. */}
      <ProblemNote problem={key.value === '' ? null : refused.value} />
      <form onSubmit={submit}>
        <label for="key">API key</label>
        <div class="row">
          <input
            id="key"
            ref={input}
            type="password"
            autocomplete="off"
            placeholder="lsq_…"
            required
            aria-describedby="key-note"
          />
          <button type="submit" class="primary">
            Use this key
          </button>
          {key.value !== '' && (
            <button type="button" onClick={() => keepKey('')}>
              Forget it
            </button>
          )}
        </div>
        <p id="key-note" class="note">
          It is kept in this tab until you close it, and sent to this service only.
        </p>
      </form>
    </section>
  );
}
