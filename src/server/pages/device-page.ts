/**
 * Connecting a device that has no browser (RFC 8628 §3.3): where its code is entered, and the end. Everything is said with
 * phishing in mind (§5.4): the attack on this flow is somebody who sends his own device's code to another person.
 */
import { html, type Html } from "./html.ts";
import { layout } from "./layout.ts";

export interface DevicePage {
  /** Where the form is sent. */
  action: string;
  csrf: string;
  /** What the field holds already; empty when nothing. */
  userCode: string;
  /** Host of the gateway. */
  host: string;
  /** What was wrong with the last try. */
  problem?: string;
}

export function devicePage(page: DevicePage): Html {
  const { problem } = page;
  return layout({
    title: problem === undefined ? "Connect a device" : "Try again: Connect a device",
    main: html`
      <h1>Connect a device</h1>
      <p class="lead">
        Enter the code that your device or program shows. You will see what it asks for before
        anything is shared.
      </p>
      <form class="fields" method="post" action="${page.action}">
        <input type="hidden" name="csrf" value="${page.csrf}" />
        ${
          problem !== undefined &&
          html`<p class="note bad" id="problem" role="alert">
            ${problem} Codes live for ten minutes and work once.
          </p>`
        }
        <div class="field">
          <label for="user_code">Code on your device</label>
          <input
            id="user_code"
            name="user_code"
            type="text"
            class="one-time-code"
            value="${page.userCode}"
            autocomplete="off"
            autocapitalize="characters"
            spellcheck="false"
            maxlength="40"
            required
            autofocus
            aria-describedby="${problem === undefined ? "warning" : "problem warning"}"
            ${problem !== undefined && html`aria-invalid="true"`}
          />
        </div>
        <p class="note" id="warning">
          <strong>Continue only if you see this very code on a device of your own.</strong>
          Did somebody send you the code, or the link to this page? Then close it: they want to use
          your account.
        </p>
        <button type="submit">Continue</button>
      </form>
    `,
    footer: `You are at ${page.host}`,
  });
}

export function deviceDonePage({ isAllowed, host }: { isAllowed: boolean; host: string }): Html {
  return layout({
    title: isAllowed ? "Device connected" : "Device not connected",
    main: html`
      <h1>${isAllowed ? "Your device is connected" : "Your device was not connected"}</h1>
      <p class="lead">
        ${isAllowed ? "It will notice in a few seconds." : "It gets no access, and nothing was shared."}
      </p>
      <p class="next">You may close this window and go back to your device.</p>
    `,
    footer: `You are at ${host}`,
  });
}
