/**
 * A form that a passkey fills in, and the one script there is. Only pages that offer passkeys carry it, and their policy allows
 * it alone, by its hash. Without scripts they work as they are: the form is hidden until the script runs.
 *
 * The script speaks with the device, writes the answer into the field `passkey` and sends the form. It converts by hand:
 * `parseRequestOptionsFromJSON` and `toJSON` are missing in browsers that are in use.
 */
import { createHash } from "node:crypto";
import { html, type Html } from "./html.ts";

const TIMEOUT = 300_000; // milliseconds the browser waits for the device

export interface PasskeyForm {
  action: string;
  /** Sent along. */
  hidden: Readonly<Record<string, string>>;
  /** Shown above the button. */
  fields?: Html;
  button: Html;
  /** create: a new one; get: an answer of one there is. */
  deed: "create" | "get";
  /** `publicKey` of the deed, with base64url in place of bytes (WebAuthn §5.4, §5.5). */
  options: object;
}

// Nothing in it depends on the page, or its hash would: all of that stands in the form's data-passkey.
const script = html`<script>
  "use strict";
  const form = document.querySelector("form[data-passkey]");
  const problem = document.getElementById("passkey-problem");
  const bytes = (text) =>
    Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) =>
      one.charCodeAt(0),
    );
  const base64url = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replaceAll("=", "");
  const problems = {
    InvalidStateError: "This device has a passkey for your account already.",
    NotAllowedError: "No passkey was used. Try again, or choose another way.",
  };

  async function answer() {
    const publicKey = JSON.parse(form.dataset.passkey);
    publicKey.challenge = bytes(publicKey.challenge);
    if (publicKey.user) publicKey.user.id = bytes(publicKey.user.id);
    for (const one of publicKey.excludeCredentials ?? []) one.id = bytes(one.id);
    const credential = await navigator.credentials[form.dataset.deed]({ publicKey });
    const { id, type, response } = credential;
    const given = {};
    for (const name of [
      "clientDataJSON",
      "attestationObject",
      "authenticatorData",
      "signature",
      "userHandle",
    ]) {
      if (response[name]) given[name] = base64url(response[name]);
    }
    return JSON.stringify({ id, rawId: id, type, response: given });
  }

  if (window.PublicKeyCredential) {
    form.hidden = false;
    document.getElementById("without-passkeys")?.remove();
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const button = form.querySelector("button");
      button.disabled = true;
      problem.hidden = true;
      try {
        form.elements.passkey.value = await answer();
        form.submit();
      } catch (error) {
        problem.textContent = problems[error.name] ?? "This browser could not use a passkey here.";
        problem.hidden = false;
        button.disabled = false;
        button.focus();
      }
    });
  }
</script>`;

const [, content = ""] = /^<script>(.*)<\/script>$/s.exec(script.toString()) ?? [];

/** CSP source expression of the script's exact content (CSP 3 §2.3.1). */
export const PASSKEY_SCRIPT = `'sha256-${createHash("sha256").update(content).digest("base64")}'`;

export function passkeyForm({ action, hidden, fields, button, deed, options }: PasskeyForm): Html {
  return html`<form
      class="fields"
      method="post"
      action="${action}"
      data-deed="${deed}"
      data-passkey="${JSON.stringify({ ...options, timeout: TIMEOUT })}"
      hidden
    >
      ${Object.entries(hidden).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`)}
      <input type="hidden" name="passkey" autocomplete="off" />
      <p class="note bad" id="passkey-problem" role="alert" hidden></p>
      ${fields} ${button}
    </form>
    ${script}`;
}
