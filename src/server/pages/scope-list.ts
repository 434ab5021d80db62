/**
 * What somebody may do, as a list in plain words.
 */
import { html, type Html } from "./html.ts";

/** @param abilities each with whether it is more than the person has allowed before */
export function scopeList(abilities: readonly { text: string; isNew: boolean }[]): Html {
  return html`<ul class="scopes">
    ${abilities.map(
      ({ text, isNew }) =>
        html`<li>
          ${tick}<span>${text}${isNew && html` <strong class="new">new</strong>`}</span>
        </li>`,
    )}
  </ul>`;
}

const tick = html`<svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
  <path d="m4.5 10.5 3.6 3.6 7.4-8" />
</svg>`;
