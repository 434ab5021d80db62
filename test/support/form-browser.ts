/**
 * A person with a very small browser: keeps cookies, follows redirects, fills in forms. For tests where the pages are not the
 * point; test/browser/ drives a real Chromium.
 */
import { backFrom } from "./back-from.ts";

export interface FormBrowser {
  /** GET a page, following redirects within its origin. */
  open(url: URL | string): Promise<Page>;
  /** Press the button with this text on the page, with these fields filled in. */
  press(page: Page, button: RegExp, fields?: Record<string, string>): Promise<Page>;
  cookies: Map<string, string>;
}

export interface Page {
  url: URL;
  status: number;
  headers: Headers;
  text: string;
  /** Where the last redirect led, when that is not on the page's own origin: the client's redirect URI. */
  left?: URL;
}

/** @param send how its requests travel */
export function createFormBrowser(
  send: (url: URL, init: RequestInit) => Promise<Response> = fetch,
): FormBrowser {
  const cookies = new Map<string, string>();

  async function go(url: URL, init: RequestInit): Promise<Page> {
    const response = await send(url, {
      ...init,
      redirect: "manual",
      headers: {
        ...(init.headers as Record<string, string> | undefined),
        accept: "text/html",
        ...(cookies.size > 0 && {
          cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; "),
        }),
      },
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      if (value === "" || /max-age=0/i.test(cookie)) cookies.delete(name);
      else cookies.set(name, value);
    }
    const text = await response.text();
    const page = { url, status: response.status, headers: response.headers, text };
    const location = response.headers.get("location");
    if (location === null) return page;
    const next = new URL(location, url);
    return next.origin === url.origin ? go(next, {}) : { ...page, left: next };
  }

  return {
    cookies,
    open: (url) => go(new URL(url), {}),
    press(page, button, fields = {}) {
      const form = formWith(page.text, button);
      const body = new URLSearchParams({ ...form.fields, ...fields });
      return go(new URL(form.action, page.url), {
        method: "POST",
        body,
        headers: { origin: page.url.origin, "sec-fetch-site": "same-origin" },
      });
    },
  };
}

/** The form that has a button with this text: where it goes and what it sends by itself. */
function formWith(
  html: string,
  button: RegExp,
): { action: string; fields: Record<string, string> } {
  for (const [form = "", attributes = "", content = ""] of html.matchAll(
    /<form\b([^>]*)>([\s\S]*?)<\/form>/g,
  )) {
    for (const [, own = "", label = ""] of content.matchAll(
      /<button\b([^>]*)>([\s\S]*?)<\/button>/g,
    )) {
      if (!button.test(label.replaceAll(/<[^>]*>/g, " "))) continue;
      const fields: Record<string, string> = {};
      for (const [input] of form.matchAll(/<input\b[^>]*>/g)) {
        const name = attribute(input, "name");
        if (name !== undefined) fields[name] = attribute(input, "value") ?? "";
      }
      const pressed = attribute(own, "name");
      if (pressed !== undefined) fields[pressed] = attribute(own, "value") ?? "";
      return {
        action: attribute(own, "formaction") ?? attribute(attributes, "action") ?? "",
        fields,
      };
    }
  }
  throw new Error(`no form with a button ${button}:\n${html.slice(0, 2000)}`);
}

function attribute(tag: string, name: string): string | undefined {
  const value = new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1];
  return value
    ?.replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}

/** Log in when asked, at the local provider or elsewhere, then allow. @returns where the client is sent */
export async function approve(
  authorizationUrl: URL | string,
  browser: FormBrowser = createFormBrowser(),
): Promise<URL> {
  let page = await browser.open(authorizationUrl);
  const client = new URL(authorizationUrl).searchParams.get("redirect_uri");
  if (page.left && client !== null && page.left.origin !== new URL(client).origin) {
    page = await browser.open(await backFrom(page.left));
  }
  if (page.left === undefined && /<button[^>]*>[^<]*Continue/.test(page.text)) {
    page = await browser.press(page, /Continue/);
  }
  if (page.left === undefined) page = await browser.press(page, /Allow/);
  if (page.left === undefined)
    throw new Error(`not sent back to the client: ${page.status}\n${page.text}`);
  return page.left;
}
