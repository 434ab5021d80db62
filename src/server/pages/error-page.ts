/**
 * What a person sees when we cannot go on and may not, or must not, send them back to the client.
 */
import type { ServerResponse } from "node:http";
import { html } from "./html.ts";
import { layout } from "./layout.ts";
import { sendPage } from "./send-page.ts";

export interface ErrorPage {
  status: number;
  /** Two to five words. */
  title: string;
  /** What happened, in a sentence without secrets. */
  message: string;
  /** What to do now. */
  hint?: string;
}

export function sendErrorPage(response: ServerResponse, page: ErrorPage): void {
  const body = layout({
    title: page.title,
    main: html`
      <h1>${page.title}</h1>
      <p class="lead">${page.message}</p>
      ${page.hint !== undefined && html`<p class="next">${page.hint}</p>`}
    `,
    footer: `Error ${page.status}`,
  });
  sendPage(response, page.status, body);
}
