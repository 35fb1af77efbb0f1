import { useState } from 'preact/hooks';
import {
  type PageRequest,
  REQUEST_LANGUAGES,
  type RequestLanguage,
  requestText,
} from '../preview/request-text.ts';
import { key } from '../state/key.ts';

/** Shows the request that the button would send, to be copied and run elsewhere. */
export function CopyRequest({ request }: { request: PageRequest }) {
  const [language, setLanguage] = useState<RequestLanguage>('curl');
  const [copied, setCopied] = useState<string | null>(null);
  const text = requestText(language, request, location.origin, key.value !== '');

  async function copy(): Promise<void> {
    // Pages over plain http have no clipboard; there the user can select the text instead.
    await navigator.clipboard?.writeText(text).then(
      () => setCopied(text),
      () => setCopied(null),
    );
  }
  return (
    <details class="advanced">
      <summary>Request for a script</summary>
      <div class="row spread">
        <fieldset class="switch">
          <legend class="unseen">Language</legend>
          {(Object.keys(REQUEST_LANGUAGES) as RequestLanguage[]).map((one) => (
            <button key={one} type="button" aria-pressed={language === one} onClick={() => setLanguage(one)}>
              {REQUEST_LANGUAGES[one]}
            </button>
          ))}
        </fieldset>
        <button type="button" onClick={() => void copy()}>
          {copied === text ? 'Copied' : 'Copy'}
        </button>
      </div>
      <section
        class="scroll request-text"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be reachable by keyboard
        tabIndex={0}
        aria-label={`The request for ${REQUEST_LANGUAGES[language]}`}
      >
        <pre>{text}</pre>
      </section>
    </details>
  );
}
