import { useId, useRef } from 'preact/hooks';
import { GLOSSARY, type Term as Word } from '../text/glossary.ts';

/** The distance of a note from the edges of the window. */
const MARGIN_PX = 8;

const isWord = (text: string): text is Word => Object.hasOwn(GLOSSARY, text);

/** A title. If the glossary has the term, its meaning is shown on demand, by pointer, touch or keyboard. */
export function Term({ title }: { title: string }) {
  const word = title.toLowerCase();
  return isWord(word) ? <Explained title={title} word={word} /> : title;
}

function Explained({ title, word }: { title: string; word: Word }) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const note = useRef<HTMLSpanElement>(null);
  const show = () => {
    const { style, offsetHeight: height, offsetWidth: width } = shown(note.current!);
    const { left, top, bottom } = button.current!.getBoundingClientRect();
    style.left = `${Math.max(MARGIN_PX, Math.min(left, innerWidth - width - MARGIN_PX))}px`;
    style.top = `${bottom + height > innerHeight ? top - height : bottom}px`;
  };
  const hide = () => note.current?.hidePopover();
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the button takes the keyboard; this lets the pointer move to the note
    <span class="term" onMouseEnter={show} onMouseLeave={hide}>
      <button
        type="button"
        ref={button}
        aria-describedby={id}
        onFocus={show}
        onBlur={hide}
        onClick={show}
        onKeyDown={({ key }) => key === 'Escape' && hide()}
      >
        {title}
      </button>
      <span id={id} ref={note} popover="manual" role="tooltip">
        {GLOSSARY[word]}
      </span>
    </span>
  );
}

function shown(note: HTMLElement): HTMLElement {
  if (!note.matches(':popover-open')) note.showPopover();
  return note;
}
