/**
 * Login: which identity provider, and the form of one that has no page of its own.
 */
import {
  passkeyChallenge,
  type LoginField,
  type LoginForm,
  type PasskeyRequest,
} from "../../auth-info.ts";
import { html, type Html } from "./html.ts";
import { layout } from "./layout.ts";
import { passkeyForm } from "./passkey-form.ts";

export interface ProviderChoice {
  name: string;
  href: string;
}

/** What the person came for, told on every login page, so that a login nobody asked for is seen as one. */
export interface LoginPurpose {
  /** Who asks; undefined when the person wants to see a page of ours. */
  client:
    | {
        /** What it calls itself; undefined when it has no name. */
        name: string | undefined;
        service: string;
      }
    | undefined;
  /** Host of the gateway. */
  host: string;
}

export function chooseProviderPage(
  purpose: LoginPurpose,
  choices: readonly ProviderChoice[],
): Html {
  return layout({
    title: "Log in",
    main: html`
      <h1>Log in</h1>
      ${reason(purpose)}
      <ul class="choices">
        ${choices.map(
          ({ name, href }) =>
            html`<li><a class="button" href="${href}">Continue with ${name}</a></li>`,
        )}
      </ul>
    `,
    footer: `You are at ${purpose.host}`,
  });
}

export interface LoginFormPage {
  purpose: LoginPurpose;
  form: LoginForm;
  /** Where the form is sent: the provider's callback. */
  action: string;
  state: string;
  csrf: string;
  /** What was wrong with the last try. */
  problem?: string;
  /** The name typed then: only the password has to be written again. */
  account?: string | undefined;
}

export function loginFormPage(page: LoginFormPage): Html {
  const { form, problem, account = "" } = page;
  const valueOf = ({ autocomplete }: LoginField): string =>
    autocomplete === "username" ? account : "";
  const first = form.fields.findIndex((field) => valueOf(field) === "");
  return layout({
    title: problem === undefined ? form.title : `Try again: ${form.title}`,
    main: html`
      <h1>${form.title}</h1>
      ${reason(page.purpose)}
      <form class="fields" method="post" action="${page.action}">
        <input type="hidden" name="state" value="${page.state}" />
        <input type="hidden" name="csrf" value="${page.csrf}" />
        ${problem !== undefined && html`<p class="note bad" id="problem" role="alert">${problem}</p>`}
        <p>${form.explanation}</p>
        ${form.fields.map((field, index) =>
          input(field, valueOf(field), index === first, problem !== undefined),
        )}
        <button type="submit">${form.button}</button>
      </form>
      ${form.passkey && byPasskey(page, form.passkey)}
    `,
    footer: `You are at ${page.purpose.host}`,
  });
}

function byPasskey({ action, state, csrf }: LoginFormPage, { rpId }: PasskeyRequest): Html {
  return passkeyForm({
    action,
    hidden: { state, csrf },
    button: html`<button class="second" type="submit">Log in with a passkey</button>`,
    deed: "get",
    options: { challenge: passkeyChallenge(state), rpId, userVerification: "required" },
  });
}

function reason({ client }: LoginPurpose): Html {
  if (!client) return html`<p class="lead">To see your account here, tell us who you are.</p>`;
  const who =
    client.name === undefined
      ? "An app without a name"
      : html`An app that calls itself <strong><bdi>${client.name}</bdi></strong>`;
  return html`<p class="lead">
    ${who} asks to use <strong>${client.service}</strong>. First tell us who you are.
  </p>`;
}

function input(field: LoginField, value: string, isFirst: boolean, isWrong: boolean): Html {
  return html`<div class="field">
    <label for="${field.name}">${field.label}</label>
    <input
      id="${field.name}"
      name="${field.name}"
      type="${field.type}"
      class="${field.autocomplete}"
      value="${value}"
      autocomplete="${field.autocomplete}"
      autocapitalize="${field.autocomplete === "one-time-code" ? "characters" : "none"}"
      spellcheck="false"
      maxlength="200"
      required
      ${isFirst && html`autofocus`}
      ${isWrong && html`aria-invalid="true" aria-describedby="problem"`}
    />
  </div>`;
}
