import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { displayText } from '../../src/report/display-text.ts';
import { escapeHtml, html, trustedHtml, when } from '../../src/report/html.ts';
import fc, { anyCharacter } from '../fast-check.ts';

const XML_FORBIDDEN = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/u;

describe('an untrusted text', () => {
  it('is unchanged if it is harmless', () => {
    for (const text of ['model.layers.0.q_proj', 'שלום', 'Ω 模型 🙂', '<b>', ''])
      assert.equal(displayText(text), text);
  });

  it('shows invisible characters', () => {
    assert.equal(displayText('a\u202eb'), 'a⟨U+202E⟩b');
    assert.equal(displayText('a\nb\0'), 'a⟨U+000A⟩b⟨U+0000⟩');
    assert.equal(displayText('\ud800x\u2066\u200b\uffff'), '⟨U+D800⟩x⟨U+2066⟩⟨U+200B⟩⟨U+FFFF⟩');
  });

  it('is shortened to its beginning and end without splitting characters', () => {
    assert.equal(displayText(`${'a'.repeat(500)}.end`, 16), 'aaaa…aaaaaaa.end');
    const pairs = '🙂'.repeat(100);
    for (const most of [9, 10, 11, 12, 13]) assert.match(displayText(pairs, most), /^🙂*…🙂+$/u);
  });

  it('is valid in XML, whatever it contains', () => {
    fc.assert(
      fc.property(fc.string({ unit: anyCharacter }), fc.integer({ min: 8, max: 40 }), (text, most) => {
        const shown = displayText(text, most);
        assert.ok(!XML_FORBIDDEN.test(shown), JSON.stringify(shown));
        assert.ok(!/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u.test(shown));
      }),
    );
  });
});

describe('a template of markup', () => {
  it('escapes inserted texts, except markup', () => {
    const evil = `<script>"x"&'y'</script>`;
    const escaped = '&lt;script&gt;&quot;x&quot;&amp;&#39;y&#39;&lt;/script&gt;';
    assert.equal(html`<p title="${evil}">${evil}</p>`.text, `<p title="${escaped}">${escaped}</p>`);
    assert.equal(
      html`${html`<b>${1}</b>`}${[html`<i>`, html`</i>`]}${trustedHtml('<hr>')}`.text,
      '<b>1</b><i></i><hr>',
    );
    assert.equal(html`${when(false, () => html`x`)}${when(1, () => html`y`)}`.text, 'y');
  });

  it('leaves nothing that could begin a tag or an entity, or end an attribute', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        assert.ok(!/[<>"']|&(?!(?:amp|lt|gt|quot|#39);)/.test(escapeHtml(text)));
      }),
    );
  });
});
