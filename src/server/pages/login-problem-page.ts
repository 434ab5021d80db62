/**
 * A login that led to nothing: what happened, and the ways on from there.
 */
import { html, type Html } from "./html.ts";
import { layout } from "./layout.ts";

export interface LoginProblem {
  /** Two to five words. */
  title: string;
  /** What happened, in a sentence without secrets. */
  message: string;
  /** What to do now. */
  hint: string;
  /** Links, the most likely first. */
  ways: readonly { text: string; href: string }[];
  /** Host of the gateway. */
  host: string;
}

export function loginProblemPage({ title, message, hint, ways, host }: LoginProblem): Html {
  return layout({
    title,
    main: html`
      <h1>${title}</h1>
      <p class="lead">${message}</p>
      <p class="next">${hint}</p>
      <ul class="choices">
        ${ways.map(({ text, href }) => html`<li><a class="button" href="${href}">${text}</a></li>`)}
      </ul>
    `,
    footer: `You are at ${host}`,
  });
}
