/**
 * The one stylesheet. Inline, because a page is then complete with its first byte and nothing can jump; allowed by its hash.
 */
import { createHash } from "node:crypto";
import { html, type Html } from "./html.ts";
import { styleGround } from "./style-ground.ts";
import { styleParts } from "./style-parts.ts";

const css = html`${styleGround}${styleParts}`;

export const stylesheetElement: Html = html`<style>
  ${css}
</style>`;

/** CSP source expression of the element's exact content (CSP 3 §2.3.1). */
export const STYLESHEET_HASH: string = `sha256-${createHash("sha256").update(css.toString()).digest("base64")}`;
