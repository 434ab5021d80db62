/**
 * A real Chromium, without a window. Tests that need it fail without it: a page nobody has looked at is not tested.
 */
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { once } from "node:events";
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

export async function launchBrowser(): Promise<Browser> {
  const executablePath = PLACES.find((place) => existsSync(place));
  if (executablePath === undefined) {
    throw new Error(
      "These tests need a real browser: install one with `apt-get install chromium`.",
    );
  }
  return chromium.launch({
    executablePath,
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

export interface Person {
  page: Page;
  /** What the browser complained about: violations of the content security policy, failed loads, script errors. */
  complaints: string[];
  close: () => Promise<void>;
}

/** Somebody with a browser of their own: no cookies yet, and JavaScript switched off unless told otherwise. */
export async function createPerson(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<Person> {
  const context = await browser.newContext({ javaScriptEnabled: false, ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  const session = await context.newCDPSession(page);
  await session.send("Log.enable");
  await session.send("Audits.enable");
  session.on("Log.entryAdded", ({ entry }) => {
    // An error page has an error status; Chromium notes each.
    if (!/status of [45]\d\d|favicon/.test(`${entry.text} ${entry.url}`)) {
      complaints.push(entry.text);
    }
  });
  session.on("Audits.issueAdded", ({ issue }) => {
    if (issue.code === "ContentSecurityPolicyIssue") complaints.push(JSON.stringify(issue.details));
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  return { page, complaints, close: () => context.close() };
}

/** A fingerprint reader that always knows its owner, for pages with scripts. @returns how it begins to refuse */
export async function plugIn(page: Page): Promise<(isVerified: boolean) => Promise<void>> {
  const session = await page.context().newCDPSession(page);
  await session.send("WebAuthn.enable");
  const { authenticatorId } = await session.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return async (isUserVerified) => {
    await session.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified });
  };
}

/** The place an OAuth client listens at: remembers every answer that the browser brings. */
export interface ClientListener {
  redirectUri: string;
  answers: URLSearchParams[];
  close: () => Promise<void>;
}

export async function listenAsClient(): Promise<ClientListener> {
  const answers: URLSearchParams[] = [];
  const site = await serveSite((url) => {
    if (url.pathname === "/callback") answers.push(url.searchParams);
    return "<!doctype html><title>client</title><p>You may close this window.</p>";
  });
  return { redirectUri: `${site.url}callback`, answers, close: site.close };
}

export interface Site {
  /** With a final slash. */
  url: string;
  close: () => Promise<void>;
}

/**
 * Another site than the gateway's: 127.0.0.1 is not the site `localhost`.
 * @param answer HTML for a request
 * @param location where every request is redirected
 */
export async function serveSite(answer: (url: URL) => string, location?: string): Promise<Site> {
  const server = createServer((request, response) => {
    if (location !== undefined) response.writeHead(302, { Location: location });
    else response.setHeader("Content-Type", "text/html");
    response.end(answer(new URL(request.url!, "http://127.0.0.1")));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not listening on TCP");
  return {
    url: `http://127.0.0.1:${address.port}/`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** Register a client and write down what its authorization URL is. */
export async function authorizationUrl(
  gateway: { url: string; resource: string },
  redirectUri: string,
  options: { name?: string | undefined; parameters?: Record<string, string> } = {},
): Promise<string> {
  const registration = await fetch(`${gateway.url}/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      ...("name" in options
        ? options.name && { client_name: options.name }
        : { client_name: "Claude Code" }),
      redirect_uris: [redirectUri],
      token_endpoint_auth_method: "none",
    }),
  });
  const client: unknown = await registration.json();
  if (typeof client !== "object" || client === null || !("client_id" in client)) {
    throw new Error(`not registered: ${JSON.stringify(client)}`);
  }
  const url = new URL(`${gateway.url}/authorize`);
  url.search = new URLSearchParams({
    response_type: "code",
    client_id: String(client.client_id),
    redirect_uri: redirectUri,
    code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    code_challenge_method: "S256",
    resource: gateway.resource,
    scope: "mcp offline_access",
    state: "a state",
    ...options.parameters,
  }).toString();
  return url.href;
}
