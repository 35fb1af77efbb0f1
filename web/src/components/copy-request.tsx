import { useState } from 'preact/hooks';
import {
  type PageRequest,
  REQUEST_LANGUAGES,
  type RequestLanguage,
  requestTexts,
} from '../preview/request-text.ts';
import { key } from '../state/key.ts';

interface CopyRequestProps {
  readonly request: PageRequest;
  readonly title?: string;
  readonly isOpenAtFirst?: boolean;
}

/** Shows a request, such as the one that the button would send, to be copied and run elsewhere. */
export function CopyRequest({ request, title = 'Request for a script', isOpenAtFirst }: CopyRequestProps) {
  const [isOpen] = useState(isOpenAtFirst);
  const [language, setLanguage] = useState<RequestLanguage>('curl');
  const [copied, setCopied] = useState<string | null>(null);
  const texts = requestTexts(request, location.origin, key.value !== '');
  const text = texts[language]!;

  async function copy(): Promise<void> {
    // Pages over plain http have no clipboard; there the user can select the text instead.
    await navigator.clipboard?.writeText(text).then(
      () => setCopied(text),
      () => setCopied(null),
    );
  }
  return (
    <details class="advanced" open={isOpen}>
      <summary>{title}</summary>
      <div class="row spread">
        <fieldset class="switch">
          <legend class="unseen">Language</legend>
          {(Object.keys(texts) as RequestLanguage[]).map((one) => (
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
