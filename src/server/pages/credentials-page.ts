/**
 * What services need of a person: set or not set, never what it is.
 */
import type { Identity } from "../../auth-info.ts";
import { html, type Html } from "./html.ts";
import { layout } from "./layout.ts";

export interface AskingService {
  service: string;
  credentials: readonly AskedCredential[];
}

interface AskedCredential {
  name: string;
  label: string;
  help: string | undefined;
  optional: boolean;
  /** Seconds since the epoch; undefined when it is not set. */
  setAt: number | undefined;
}

export interface CredentialsPage {
  identity: Identity;
  services: readonly AskingService[];
  /** Where the forms are sent. */
  action: string;
  csrf: string;
  /** Host of the gateway. */
  host: string;
  /** What a form of this page that the person comes from has done. */
  done: "saved" | "removed" | undefined;
}

export function credentialsPage(page: CredentialsPage): Html {
  const { identity, services, done } = page;
  const shown = identity.name ?? identity.email ?? identity.subject;
  return layout({
    title: "Your credentials",
    wide: true,
    main: html`
      <h1>Your credentials</h1>
      <p class="lead">
        Logged in as <strong><bdi>${shown}</bdi></strong
        >. What you enter here is kept encrypted, is used for you alone and is never shown again.
      </p>
      ${done === "saved" && html`<p class="note" role="status"><strong>Saved.</strong> Go back to your app and try again.</p>`}
      ${done === "removed" && html`<p class="note" role="status"><strong>Removed.</strong> Where it came from, it stays valid until you revoke it there.</p>`}
      ${services.length === 0 && html`<p>No service asks for credentials of yours.</p>`}
      ${services.map((service) => section(page, service))}
    `,
    footer: `You are at ${page.host}`,
  });
}

function section(page: CredentialsPage, { service, credentials }: AskingService): Html {
  return html`<section class="section" aria-labelledby="for-${service}">
    <h2 id="for-${service}">${service}</h2>
    <form class="fields" method="post" action="${page.action}" autocomplete="off">
      <input type="hidden" name="csrf" value="${page.csrf}" />
      <input type="hidden" name="for" value="${service}" />
      ${credentials.map((one) => field(service, one))}
      <div class="actions">
        <button type="submit">Save<span class="hidden"> for ${service}</span></button>
      </div>
      ${credentials.filter(({ setAt }) => setAt !== undefined).map(removal)}
    </form>
  </section>`;
}

function field(service: string, { name, label, help, optional, setAt }: AskedCredential): Html {
  const id = `${service}.${name}`;
  return html`<div class="field">
    <label for="${id}">${label}${optional && " (optional)"}</label>
    <input
      id="${id}"
      name="value.${name}"
      type="password"
      autocomplete="off"
      spellcheck="false"
      aria-describedby="${id}.state"
    />
    <p class="small" id="${id}.state">
      ${help}
      ${setAt === undefined ? html`<strong>Not set.</strong>` : html`<strong>Set</strong> on ${day(setAt)}; leave it empty to keep it.`}
    </p>
  </div>`;
}

function removal({ name, label }: AskedCredential): Html {
  return html`<button class="second" type="submit" name="remove" value="${name}">
    Remove ${label}
  </button>`;
}

/** In UTC: what the person's own zone is, a page without scripts cannot know. */
function day(seconds: number): string {
  const format = { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" } as const;
  return new Date(seconds * 1000).toLocaleDateString("en-GB", format);
}
