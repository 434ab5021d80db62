/**
 * Where an invited person sets the password of their account, and the end of it.
 */
import { html, type Html } from "./html.ts";
import { layout } from "./layout.ts";

export interface InvitationPage {
  /** Where the form is sent. */
  action: string;
  csrf: string;
  /** The link's secret part. */
  code: string;
  /** Of the account. */
  name: string;
  /** Fewest characters of a password. */
  shortest: number;
  /** Host of the gateway. */
  host: string;
  /** What was wrong with the last try. */
  problem?: string;
}

export function invitationPage(page: InvitationPage): Html {
  const { problem } = page;
  return layout({
    title: problem === undefined ? "Set your password" : "Try again: Set your password",
    main: html`
      <h1>Set your password</h1>
      <p class="lead">
        You have an account at this gateway, and you are called <strong>${page.name}</strong> there.
      </p>
      <form class="fields" method="post" action="${page.action}">
        <input type="hidden" name="csrf" value="${page.csrf}" />
        <input type="hidden" name="code" value="${page.code}" />
        ${problem !== undefined && html`<p class="note bad" id="problem" role="alert">${problem}</p>`}
        <div class="field">
          <label for="username">Name</label>
          <input
            id="username"
            name="username"
            type="text"
            value="${page.name}"
            autocomplete="username"
            readonly
          />
        </div>
        ${field("password", "New password", { isFirst: true, isWrong: problem !== undefined, shortest: page.shortest })}
        <p id="rule">
          At least ${page.shortest} characters. Several words, or what your password manager makes
          up, are best; digits and signs are not needed.
        </p>
        ${field("repeated", "The same once more", { isFirst: false, isWrong: problem !== undefined, shortest: page.shortest })}
        <button type="submit">Set password</button>
      </form>
    `,
    footer: `You are at ${page.host}`,
  });
}

export function passwordSetPage({ name, host }: { name: string; host: string }): Html {
  return layout({
    title: "Password set",
    main: html`
      <h1>Your password is set</h1>
      <p class="lead">
        From now on you log in as <strong>${name}</strong> with the password you have just chosen.
        The link does not work any more.
      </p>
      <p class="next">You may close this window. Go back to your app and connect.</p>
    `,
    footer: `You are at ${host}`,
  });
}

function field(
  name: string,
  label: string,
  { isFirst, isWrong, shortest }: { isFirst: boolean; isWrong: boolean; shortest: number },
): Html {
  return html`<div class="field">
    <label for="${name}">${label}</label>
    <input
      id="${name}"
      name="${name}"
      type="password"
      autocomplete="new-password"
      minlength="${shortest}"
      maxlength="200"
      required
      ${isFirst && html`autofocus`}
      aria-describedby="${isWrong ? "problem rule" : "rule"}"
      ${isWrong && html`aria-invalid="true"`}
    />
  </div>`;
}
