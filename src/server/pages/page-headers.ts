/**
 * The headers of everything a person sees (RFC 9700 §4.2, §4.16): nothing is loaded, run, framed, cached or referred from.
 * The one stylesheet is allowed by its hash, and so is the one script, where a page has it. Written by hand rather than by helmet: these lines are all there is,
 * and they hold for plain `node:http` responses as well. No Cross-Origin-Opener-Policy: clients open the login in a popup
 * and their callback speaks to its opener, which that header would cut off. HSTS is on every answer, see app.ts.
 */
import type { ServerResponse } from "node:http";
import { STYLESHEET_HASH } from "./stylesheet.ts";

export interface PageHeaders {
  /** Where forms may lead besides our own pages, redirects included. */
  formAction?: readonly string[];
  /** CSP source expression of the one script the page has. */
  script?: string;
}

export function pageHeaders(response: ServerResponse, options: PageHeaders = {}): void {
  const policy = [
    "default-src 'none'",
    `style-src '${STYLESHEET_HASH}'`,
    ...(options.script === undefined ? [] : [`script-src ${options.script}`]),
    `form-action ${["'self'", ...(options.formAction ?? [])].join(" ")}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ];
  response.setHeader("Content-Security-Policy", policy.join("; "));
  response.setHeader("X-Frame-Options", "DENY");
  response.setHeader("Referrer-Policy", "no-referrer");
  response.setHeader("X-Content-Type-Options", "nosniff");
  response.setHeader("Cross-Origin-Resource-Policy", "same-origin");
  response.setHeader("Cache-Control", "no-store");
}
