/**
 * Consent: who asks, where the access goes, what it allows, as whom. The redirect host stands out and the name does not,
 * because a client chooses its own name (MCP Authorization, "localhost redirect URI risks" and "confused deputy").
 */
import type { Identity } from "../../auth-info.ts";
import { isLoopbackHost } from "../../config.ts";
import { html, type Html } from "./html.ts";
import { layout } from "./layout.ts";
import { scopeList } from "./scope-list.ts";

export interface ConsentPage {
  /** What the client calls itself; undefined when it has no name. */
  clientName: string | undefined;
  /** Where the client describes itself, when its id is the URL of that description. */
  clientHost: string | undefined;
  /** Undefined when the access goes to a device whose code the person has entered. */
  redirectUri: string | undefined;
  service: string;
  resource: string;
  /** In plain words, and whether that is more than the person has allowed before. */
  abilities: readonly { text: string; isNew: boolean }[];
  identity: Identity;
  /** Where the person enters what the service cannot be used without; undefined when nothing is missing. */
  credentials: string | undefined;
  /** Host of the gateway. */
  host: string;
  /** Paths the two forms are sent to. */
  consentAction: string;
  switchAction: string;
  interaction: string;
  csrf: string;
}

export function consentPage(page: ConsentPage): Html {
  const guard = html`<input type="hidden" name="interaction" value="${page.interaction}" />
    <input type="hidden" name="csrf" value="${page.csrf}" />`;
  const name = page.clientName ?? "An app without a name";
  return layout({
    title: "Allow access",
    main: html`
      <h1><bdi>${name}</bdi> asks to use ${page.service}</h1>
      <p class="lead">
        ${page.clientName === undefined ? "It did not say what it is called." : "The app chose that name itself. Nobody has verified it."}
      </p>
      ${page.clientHost !== undefined && html`<p>It describes itself at <strong class="code">${page.clientHost}</strong>.</p>`}
      ${page.redirectUri === undefined ? device : destination(page.redirectUri)}
      <section class="section" aria-labelledby="abilities">
        <h2 id="abilities">It will be able to</h2>
        ${scopeList(page.abilities)}
      </section>
      <dl>
        <div>
          <dt>Service</dt>
          <dd>${page.service} <span class="small code">${page.resource}</span></dd>
        </div>
        <div>
          <dt>Logged in as</dt>
          <dd>
            ${person(page.identity)}
            <form method="post" action="${page.switchAction}">
              ${guard}<button class="link" type="submit">Not you?</button>
            </form>
          </dd>
        </div>
      </dl>
      ${
        page.credentials !== undefined &&
        html`<p>
          ${page.service} also needs credentials of yours:
          <a href="${page.credentials}" target="_blank" rel="noopener">enter them in a new tab</a>,
          now or later.
        </p>`
      }
      <form method="post" action="${page.consentAction}">
        ${guard}
        <div class="actions">
          <button class="second" type="submit" name="decision" value="cancel">Cancel</button>
          <button type="submit" name="decision" value="allow">Allow</button>
        </div>
      </form>
    `,
    footer: `You are at ${page.host}`,
  });
}

function destination(redirectUri: string): Html {
  const { protocol, host, hostname } = new URL(redirectUri);
  if (protocol !== "https:" && protocol !== "http:") {
    return html`
      <div class="panel">
        <p class="label">Access goes to an app on this device</p>
        <p class="host">${protocol.slice(0, -1)}:</p>
        <p class="small code">${redirectUri}</p>
      </div>
      <p class="note">
        <strong>This device opens whichever app is registered for such links.</strong>
        Allow only if you have just started this from an app you trust.
      </p>
    `;
  }
  const isLoopback = isLoopbackHost(hostname);
  return html`
    <div class="panel">
      <p class="label">
        ${isLoopback ? "Access goes to a program on this computer" : "Access goes to"}
      </p>
      <p class="host">${host}</p>
      <p class="small code">${redirectUri}</p>
    </div>
    ${
      isLoopback &&
      html`<p class="note">
        <strong>Any program on this computer could be listening there.</strong>
        Allow only if you have just started this yourself.
      </p>`
    }
  `;
}

/** RFC 8628 §5.4: whoever sends his own device's code to somebody else waits for exactly this page. */
const device = html`
  <div class="panel">
    <p class="label">Access goes to</p>
    <p class="host">The device that shows the code</p>
  </div>
  <p class="note">
    <strong>Is that device yours, and did you start this yourself?</strong>
    If somebody sent you the code or the link, cancel: they would use this service in your name.
  </p>
`;

function person({ subject, name, email }: Identity): Html {
  const shown = name ?? email ?? subject;
  return html`<strong><bdi>${shown}</bdi></strong>
    ${shown !== subject && html`<span class="small code">${subject}</span>`}`;
}
