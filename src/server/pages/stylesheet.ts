/**
 * The one stylesheet. Inline, because a page is then complete with its first byte and nothing can jump; allowed by its hash.
 */
import { createHash } from "node:crypto";
import { html, type Html } from "./html.ts";
import { styleGround } from "./style-ground.ts";
import { styleParts } from "./style-parts.ts";

export const stylesheetElement: Html = html`<style>
  ${styleGround}${styleParts}
</style>`;

// Every character between the tags counts, line breaks too: read them from the element as it is sent.
const [, content = ""] = /^<style>(.*)<\/style>$/s.exec(stylesheetElement.toString()) ?? [];

/** CSP source expression of the element's exact content (CSP 3 §2.3.1). */
export const STYLESHEET_HASH: string = `sha256-${createHash("sha256").update(content).digest("base64")}`;
