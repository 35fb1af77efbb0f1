import { useEffect, useRef } from 'preact/hooks';
import { caller } from '../state/access.ts';
import { accessRefusal, isAskingForKey, key, saveKey } from '../state/key.ts';
import { ProblemNote } from './problem-note.tsx';

/** Asks for an API key if the service requires one. */
export function KeyForm() {
  const input = useRef<HTMLInputElement>(null);
  const isShown = accessRefusal.value !== null || isAskingForKey.value;
  useEffect(() => {
    if (isShown) input.current?.focus();
  }, [isShown]);
  if (!isShown) return null;
  const isSignedIn = key.value !== '' && accessRefusal.value === null && caller.value !== null;
  // When the form is alone on the page, its title is the heading of the page.
  const Title = accessRefusal.value === null ? 'h2' : 'h1';

  const submit = (event: Event) => {
    event.preventDefault();
    const value = input.current!.value.trim();
    if (value !== '') saveKey(value);
  };
  return (
    <section class="panel key-form" aria-labelledby="key-title">
      <Title id="key-title">{isSignedIn ? 'Your key' : 'This service needs a key'}</Title>
      {isSignedIn && (
        <p>
          This page acts for the tenant <strong>{caller.value!.tenant}</strong> with the{' '}
          {caller.value!.scopes.length === 1 ? 'scope' : 'scopes'} {caller.value!.scopes.join(', ')}. To act
          with another key, enter it here.
        </p>
      )}
      {/* Without a key there is no problem to show: the user has not been asked for one yet. */}
      <ProblemNote problem={key.value === '' ? null : accessRefusal.value} />
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
            <button type="button" onClick={() => saveKey('')}>
              Forget the key
            </button>
          )}
        </div>
        <p id="key-note" class="note">
          It is kept until you close the last tab of this page, and sent to this service only.
        </p>
      </form>
    </section>
  );
}
