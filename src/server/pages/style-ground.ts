/**
 * Colours, type and the frame of a page.
 * All pairs of text and ground have a contrast of at least 4.5, of borders that mean something at least 3 (WCAG 2.2 AA).
 */
import { html as css, type Html } from "./html.ts";

export const styleGround: Html = css`
  :root {
    color-scheme: light dark;
    --ground: #f4f4f1;
    --card: #ffffff;
    --soft: #f7f7f4;
    --line: #e3e3dd;
    --edge: #85857c;
    --text: #1b1c1a;
    --quiet: #5c5e58;
    --accent: #0d6b5f;
    --accent-strong: #095348;
    --on-accent: #ffffff;
    --tint: #e4f2ef;
    --warn: #fdf3dc;
    --warn-line: #ecd59b;
    --warn-text: #6a4600;
    --bad: #fdecea;
    --bad-line: #f0bfb9;
    --bad-text: #96231a;
    --shadow: 0 1px 2px rgb(20 22 18 / 5%), 0 12px 40px -12px rgb(20 22 18 / 14%);
    --mono:
      ui-monospace, "SF Mono", "Cascadia Mono", "JetBrains Mono", Menlo, Consolas,
      "DejaVu Sans Mono", monospace;
  }
  @media (prefers-color-scheme: dark) {
    :root {
      --ground: #101211;
      --card: #191c1b;
      --soft: #202423;
      --line: #2d3230;
      --edge: #767d79;
      --text: #eceeec;
      --quiet: #a3aaa6;
      --accent: #5cd3bf;
      --accent-strong: #86e3d3;
      --on-accent: #06231e;
      --tint: #16302c;
      --warn: #2d2410;
      --warn-line: #55441c;
      --warn-text: #f2d48a;
      --bad: #331817;
      --bad-line: #632c29;
      --bad-text: #ffb4ab;
      --shadow: 0 1px 2px rgb(0 0 0 / 40%), 0 16px 48px -16px rgb(0 0 0 / 70%);
    }
  }
  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }
  html {
    -webkit-text-size-adjust: 100%;
    text-size-adjust: 100%;
  }
  body {
    margin: 0;
    min-height: 100vh;
    min-height: 100svh;
    display: flex;
    flex-direction: column;
    align-items: center;
    gap: 1.5rem;
    padding: clamp(1.25rem, 9vh, 5.5rem) 1.25rem 2.5rem;
    background: radial-gradient(64rem 26rem at 50% -10rem, var(--tint), transparent) no-repeat
      var(--ground);
    color: var(--text);
    font:
      1rem/1.55 system-ui,
      -apple-system,
      "Segoe UI",
      Roboto,
      "Noto Sans",
      Cantarell,
      "Helvetica Neue",
      Arial,
      sans-serif;
    overflow-wrap: anywhere;
  }
  header,
  main,
  footer {
    width: 100%;
    max-width: 28rem;
  }
  .wide header,
  .wide main,
  .wide footer {
    max-width: 44rem;
  }
  header {
    display: flex;
    align-items: center;
    gap: 0.7rem;
    font-weight: 600;
    letter-spacing: -0.01em;
  }
  header svg {
    flex: none;
  }
  .tile {
    fill: var(--accent);
  }
  .arch {
    fill: none;
    stroke: var(--on-accent);
    stroke-width: 2.6;
    stroke-linecap: round;
  }
  .dot {
    fill: var(--on-accent);
  }
  main {
    display: flex;
    flex-direction: column;
    gap: 1.35rem;
    padding: clamp(1.5rem, 6vw, 2.25rem);
    background: var(--card);
    border: 1px solid var(--line);
    border-radius: 1.25rem;
    box-shadow: var(--shadow);
  }
  main > *,
  form > * {
    margin: 0;
  }
  footer {
    color: var(--quiet);
    font-size: 0.875rem;
    text-align: center;
  }
  h1 {
    font-size: clamp(1.4rem, 5vw, 1.65rem);
    font-weight: 650;
    line-height: 1.22;
    letter-spacing: -0.022em;
    text-wrap: balance;
  }
  h2 {
    font-size: 1rem;
    font-weight: 650;
    letter-spacing: -0.005em;
  }
  .lead {
    color: var(--quiet);
    text-wrap: pretty;
  }
  .lead strong {
    color: var(--text);
    font-weight: 600;
  }
  h1 + .lead {
    margin-top: -0.7rem;
  }
  code,
  .code {
    font-family: var(--mono);
    font-size: 0.9em;
  }
  a {
    color: var(--accent);
    text-underline-offset: 0.2em;
  }
  a:hover {
    color: var(--accent-strong);
  }
  :focus-visible {
    outline: 3px solid var(--accent);
    outline-offset: 3px;
  }
`;
