/**
 * The frame of every page: one column, one mark, one stylesheet. No JavaScript, but where passkeys are offered (passkey-form.ts).
 */
import { html, type Html } from "./html.ts";
import { stylesheetElement } from "./stylesheet.ts";

export interface Layout {
  /** Of the document; the page's own `h1` says it in the main part. */
  title: string;
  main: Html;
  /** A quiet line below the card. */
  footer?: string;
  /** For pages that are read rather than answered. */
  wide?: boolean;
}

export function layout(page: Layout): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <title>${page.title} - mcp-gateway</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        ${stylesheetElement}
      </head>
      <body${page.wide === true && html` class="wide"`}>
        <header>${mark}<span>mcp-gateway</span></header>
        <main>${page.main}</main>
        ${page.footer !== undefined && html`<footer>${page.footer}</footer>`}
      </body>
    </html> `;
}

/** A gate, open, with somebody's message on its way through. */
const mark = html`<svg viewBox="0 0 32 32" width="32" height="32" aria-hidden="true">
  <rect class="tile" width="32" height="32" rx="9" />
  <path class="arch" d="M9 24V15.5a7 7 0 0 1 14 0V24" />
  <circle class="dot" cx="16" cy="19" r="2.4" />
</svg>`;
