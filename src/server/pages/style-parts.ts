/**
 * The parts a page is made of: panels, lists, forms, buttons.
 */
import { html as css, type Html } from "./html.ts";

export const styleParts: Html = css`
  .panel {
    padding: 1rem 1.15rem;
    background: var(--soft);
    border: 1px solid var(--line);
    border-radius: 0.85rem;
  }
  .panel > * {
    margin: 0;
  }
  .label {
    color: var(--quiet);
    font-size: 0.875rem;
  }
  .host {
    font-size: 1.3rem;
    font-weight: 650;
    line-height: 1.35;
    letter-spacing: -0.015em;
  }
  .small {
    color: var(--quiet);
    font-size: 0.875rem;
  }
  .note {
    padding: 0.85rem 1.05rem;
    border: 1px solid var(--warn-line);
    border-radius: 0.85rem;
    background: var(--warn);
    color: var(--warn-text);
    font-size: 0.9375rem;
  }
  .note strong {
    font-weight: 650;
  }
  .bad {
    border-color: var(--bad-line);
    background: var(--bad);
    color: var(--bad-text);
  }
  .next {
    padding-top: 1.2rem;
    border-top: 1px solid var(--line);
  }
  .section {
    display: grid;
    gap: 0.45rem;
  }
  .section > * {
    margin: 0;
    min-width: 0;
  }
  ul.scopes {
    padding: 0;
    list-style: none;
    display: grid;
    gap: 0.45rem;
  }
  ul.scopes li {
    display: grid;
    grid-template-columns: 1.25rem 1fr;
    gap: 0.6rem;
  }
  .access {
    display: grid;
    gap: 0.75rem;
  }
  h3 {
    font-size: 1.1rem;
    overflow-wrap: anywhere;
  }
  .new {
    padding: 0.05rem 0.45rem;
    border-radius: 0.5rem;
    background: var(--tint);
    color: var(--accent);
    font-size: 0.8125rem;
  }
  [hidden] {
    display: none !important;
  }
  .hidden {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  ul.scopes svg {
    margin-top: 0.2rem;
    fill: none;
    stroke: var(--accent);
    stroke-width: 2.4;
    stroke-linecap: round;
    stroke-linejoin: round;
  }
  dl {
    display: grid;
    gap: 0.9rem;
    margin: 0;
    padding-top: 1.2rem;
    border-top: 1px solid var(--line);
  }
  dt {
    color: var(--quiet);
    font-size: 0.875rem;
  }
  dd {
    margin: 0;
  }
  dd form {
    display: inline;
  }
  form.fields {
    display: grid;
    gap: 1.1rem;
  }
  .field {
    display: grid;
    gap: 0.4rem;
  }
  label {
    font-weight: 600;
  }
  input {
    width: 100%;
    min-height: 3rem;
    padding: 0.6rem 0.9rem;
    border: 1px solid var(--edge);
    border-radius: 0.75rem;
    background: var(--card);
    color: var(--text);
    font: inherit;
  }
  input.one-time-code {
    min-height: 3.75rem;
    font-family: var(--mono);
    font-size: 1.5rem;
    letter-spacing: 0.12em;
    text-align: center;
    text-transform: uppercase;
  }
  input[aria-invalid="true"] {
    border-color: var(--bad-text);
  }
  .actions {
    display: flex;
    flex-wrap: wrap;
    gap: 0.75rem;
  }
  button,
  .button {
    display: block;
    flex: 1 1 6rem;
    width: 100%;
    min-height: 3rem;
    padding: 0.6rem 1.25rem;
    border: 1px solid transparent;
    border-radius: 0.75rem;
    background: var(--accent);
    color: var(--on-accent);
    font: inherit;
    font-weight: 600;
    text-align: center;
    text-decoration: none;
    cursor: pointer;
  }
  .actions button {
    width: auto;
  }
  button:hover,
  .button:hover {
    background: var(--accent-strong);
    color: var(--on-accent);
  }
  .second {
    border-color: var(--edge);
    background: transparent;
    color: var(--text);
  }
  .second:hover {
    background: var(--soft);
    color: var(--text);
  }
  button.link {
    display: inline;
    width: auto;
    min-height: 0;
    padding: 0.1rem 0.2rem;
    border: 0;
    border-radius: 0.3rem;
    background: none;
    color: var(--accent);
    font-weight: 400;
    text-decoration: underline;
    text-underline-offset: 0.2em;
  }
  button.link:hover {
    color: var(--accent-strong);
  }
  .choices {
    display: grid;
    gap: 0.75rem;
    margin: 0;
    padding: 0;
    list-style: none;
  }
  pre {
    padding: 0.85rem 1rem;
    overflow-x: auto;
    background: var(--soft);
    border: 1px solid var(--line);
    border-radius: 0.75rem;
    font: 0.875rem/1.6 var(--mono);
    overflow-wrap: normal;
  }
  .copy {
    user-select: all;
    -webkit-user-select: all;
  }
  @media (prefers-reduced-motion: no-preference) {
    button,
    .button,
    input {
      transition:
        background-color 120ms,
        border-color 120ms;
    }
  }
  @media (forced-colors: active) {
    button,
    .button {
      border-color: ButtonText;
    }
  }
`;
