/**
 * Where a person who has just logged in adds a passkey to their account.
 */
import { html, type Html } from "./html.ts";
import { layout } from "./layout.ts";
import { passkeyForm, type PasskeyForm } from "./passkey-form.ts";

export interface PasskeyPage extends Pick<PasskeyForm, "action" | "options"> {
  csrf: string;
  /** Of the account. */
  name: string;
  /** The account page. */
  back: string;
  /** Host of the gateway. */
  host: string;
  /** What was wrong with the last try. */
  problem?: string;
}

export function passkeyPage(page: PasskeyPage): Html {
  const { problem } = page;
  return layout({
    title: problem === undefined ? "Add a passkey" : "Try again: Add a passkey",
    main: html`
      <h1>Add a passkey</h1>
      <p class="lead">
        With it you log in as <strong>${page.name}</strong> by fingerprint, face or the PIN of your
        device. Your password goes on working.
      </p>
      ${problem !== undefined && html`<p class="note bad" role="alert">${problem}</p>`}
      <p class="note" id="without-passkeys">
        This browser has no passkeys, or its JavaScript is switched off.
      </p>
      ${passkeyForm({
        action: page.action,
        hidden: { csrf: page.csrf },
        fields: html`<div class="field">
          <label for="label">Name of the passkey (optional)</label>
          <input
            id="label"
            name="label"
            type="text"
            autocomplete="off"
            maxlength="60"
            aria-describedby="label-help"
            autofocus
          />
          <p class="small" id="label-help">To tell it from others, for example: phone.</p>
        </div>`,
        button: html`<button type="submit">Add a passkey</button>`,
        deed: "create",
        options: page.options,
      })}
      <p class="next"><a href="${page.back}">Back to your account</a></p>
    `,
    footer: `You are at ${page.host}`,
  });
}
