/**
 * The account: which clients may do what in this person's name, and how to end it.
 */
import type { Identity } from "../../auth-info.ts";
import { html, type Html } from "./html.ts";
import { layout } from "./layout.ts";
import { scopeList } from "./scope-list.ts";

export interface Access {
  grantId: string;
  /** What the client calls itself; undefined when it has no name. */
  clientName: string | undefined;
  /** The host it is known by: of its description, else where its answers go; undefined when there is none. */
  clientHost: string | undefined;
  service: string;
  /** In plain words. */
  abilities: readonly string[];
  /** Seconds since the epoch. */
  since: number;
  /** Up to an hour late; undefined when it was never used. */
  lastUsed: number | undefined;
}

interface OwnPasskey {
  id: string;
  label: string;
  /** Seconds since the epoch. */
  since: number;
  lastUsed: number | undefined;
}

export interface AccountPage {
  identity: Identity;
  accesses: readonly Access[];
  now: number;
  /** Where this person's credentials are entered; undefined when no service asks for some. */
  credentials: string | undefined;
  /** Undefined when the person logs in elsewhere. */
  passkeys: readonly OwnPasskey[] | undefined;
  /** Where one is added; undefined when this gateway takes none. */
  addPasskey: string | undefined;
  /** What a form that the person comes from has done. */
  done: "added" | "removed" | undefined;
  /** Where the forms are sent. */
  action: string;
  csrf: string;
  /** Host of the gateway. */
  host: string;
}

export function accountPage(page: AccountPage): Html {
  const { identity, accesses } = page;
  const shown = identity.name ?? identity.email ?? identity.subject;
  return layout({
    title: "Your account",
    wide: true,
    main: html`
      <h1>Your account</h1>
      <p class="lead">
        Logged in as <strong><bdi>${shown}</bdi></strong>
        ${shown !== identity.subject && html`<span class="small code">${identity.subject}</span>`}
      </p>
      ${page.done && html`<p class="note" role="status"><strong>Passkey ${page.done}.</strong> ${page.done === "removed" && "Other browsers in which you were logged in must log in again."}</p>`}
      <section class="section" aria-labelledby="access">
        <h2 id="access">Who may act in your name</h2>
        ${
          accesses.length === 0
            ? html`<p>Nobody at the moment.</p>`
            : html`<p class="small">
                Apps chose their names themselves; nobody has verified them.
              </p>`
        }
        ${accesses.map((access, index) => card(page, access, `access-${index}`))}
      </section>
      ${accesses.length > 1 && form(page, "end", "all", html`End all access`, "second")}
      ${
        page.credentials !== undefined &&
        html`<section class="section" aria-labelledby="credentials">
          <h2 id="credentials">Your credentials</h2>
          <p>
            <a href="${page.credentials}">Enter, replace or remove</a> what services need of you.
          </p>
        </section>`
      }
      ${passkeySection(page)}
      <section class="section next" aria-labelledby="session">
        <h2 id="session">This browser</h2>
        <p class="small">
          Signing out ends the login in this browser. Apps keep the access you have given them.
        </p>
        ${form(page, "sign-out", "yes", html`Sign out`, "second")}
      </section>
    `,
    footer: `You are at ${page.host}`,
  });
}

function passkeySection(page: AccountPage): Html | undefined {
  const { passkeys, addPasskey } = page;
  if (!passkeys || (passkeys.length === 0 && addPasskey === undefined)) return undefined;
  return html`<section class="section" aria-labelledby="passkeys">
    <h2 id="passkeys">Your passkeys</h2>
    ${passkeys.length === 0 && html`<p>None yet. With one you log in by fingerprint, face or PIN.</p>`}
    ${passkeys.map((passkey, index) => passkeyCard(page, passkey, `passkey-${index}`))}
    ${addPasskey !== undefined && html`<p><a href="${addPasskey}">Add a passkey</a></p>`}
  </section>`;
}

function passkeyCard(page: AccountPage, passkey: OwnPasskey, id: string): Html {
  const { label } = passkey;
  return html`<article class="panel access" aria-labelledby="${id}">
    <h3 id="${id}"><bdi>${label}</bdi></h3>
    ${times(page, passkey)}
    ${form(page, "remove-passkey", passkey.id, html`Remove<span class="hidden"> the passkey ${label}</span>`, "second")}
  </article>`;
}

function times(
  { now }: AccountPage,
  { since, lastUsed }: Pick<OwnPasskey, "since" | "lastUsed">,
): Html {
  return html`<p class="small">
    Since <time datetime="${isoTime(since)}">${day(since)}</time>;
    ${lastUsed === undefined ? "not used yet" : html`last used <time datetime="${isoTime(lastUsed)}">${ago(now - lastUsed)}</time>`}.
  </p>`;
}

function card(page: AccountPage, access: Access, id: string): Html {
  const { clientName, clientHost, service } = access;
  const name = clientName === undefined ? "An app without a name" : clientName;
  return html`<article class="panel access" aria-labelledby="${id}">
    <h3 id="${id}"><bdi>${name}</bdi></h3>
    ${clientHost !== undefined && html`<p class="small code">${clientHost}</p>`}
    <p class="small">may, at <strong>${service}</strong>:</p>
    ${scopeList(access.abilities.map((text) => ({ text, isNew: false })))} ${times(page, access)}
    ${form(page, "end", access.grantId, html`End access<span class="hidden"> of ${name} to ${service}</span>`, "second")}
  </article>`;
}

function form(page: AccountPage, name: string, value: string, label: Html, kind: string): Html {
  return html`<form method="post" action="${page.action}">
    <input type="hidden" name="csrf" value="${page.csrf}" />
    <button class="${kind}" type="submit" name="${name}" value="${value}">${label}</button>
  </form>`;
}

/** A browser that is logged in no more. */
export function signedOutPage({ host, action }: { host: string; action: string }): Html {
  return layout({
    title: "Signed out",
    main: html`
      <h1>You are signed out</h1>
      <p class="lead">
        This browser is logged in no more. Apps keep the access you have given them.
      </p>
      <p class="next"><a href="${action}">Log in again</a> to see or end it.</p>
    `,
    footer: `You were at ${host}`,
  });
}

function isoTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}

/** In UTC: what the person's own zone is, a page without scripts cannot know. */
function day(seconds: number): string {
  const format = { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" } as const;
  return new Date(seconds * 1000).toLocaleDateString("en-GB", format);
}

/** As exact as the time of use is known. */
function ago(seconds: number): string {
  const hours = Math.floor(seconds / 3600);
  if (hours < 2) return "within the last two hours";
  return hours < 48 ? `about ${hours} hours ago` : `about ${Math.floor(hours / 24)} days ago`;
}
