/**
 * Listens to `fetch` and remembers everything on the wire that must be written down nowhere: tokens, codes, verifiers,
 * secrets, cookies, states and form tokens, whoever sent them.
 */

/** Names of members, parameters and inputs whose values are secret; `code` is both the OAuth and the one-time login code. */
const SECRET_NAMES: ReadonlySet<string> = new Set([
  "access_token", "assertion", "client_assertion", "client_secret", "code", "code_verifier", "csrf", "device_code",
  "refresh_token", "registration_access_token", "request_uri", "state", "token", "user_code",
]); // prettier-ignore

export interface WireSecrets {
  /** Each with where it was seen first. */
  readonly seen: ReadonlyMap<string, string>;
  add(where: string, value: string | null | undefined): void;
  stop(): void;
}

export function listenForSecrets(): WireSecrets {
  const seen = new Map<string, string>();
  const original = globalThis.fetch;
  const secrets: WireSecrets = {
    seen,
    add(where, value) {
      // Shorter ones are words of the protocol, or what a test sends on purpose as nonsense.
      if (value !== null && value !== undefined && value.length >= 8 && !seen.has(value))
        seen.set(value, where);
    },
    stop() {
      globalThis.fetch = original;
    },
  };
  globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    readHeaders(secrets, request.headers);
    readUrl(secrets, request.url);
    readBody(secrets, await request.clone().text());
    const response = await original(request);
    readHeaders(secrets, response.headers);
    if (response.headers.get("content-type")?.startsWith("text/event-stream") !== true)
      readBody(secrets, await response.clone().text());
    return response;
  };
  return secrets;
}

function readHeaders(secrets: WireSecrets, headers: Headers): void {
  const [scheme = "", credential] = (headers.get("authorization") ?? "").split(" ");
  secrets.add(`${scheme} header`, credential);
  if (/^basic$/i.test(scheme)) {
    const [, secret] = Buffer.from(credential ?? "", "base64")
      .toString()
      .split(":");
    secrets.add("Basic secret", secret);
  }
  secrets.add("DPoP header", headers.get("dpop"));
  const sent = (headers.get("cookie") ?? "").split("; ");
  for (const cookie of [...headers.getSetCookie(), ...sent])
    secrets.add("cookie", /^[^=]+=([^;]*)/.exec(cookie)?.[1]);
  const location = headers.get("location");
  if (location !== null) readUrl(secrets, new URL(location, "http://relative").href);
}

function readUrl(secrets: WireSecrets, url: string): void {
  readPairs(secrets, new URL(url).searchParams, "in a URL");
}

function readBody(secrets: WireSecrets, text: string): void {
  for (const [, name = "", value] of text.matchAll(/"(\w+)"\s*:\s*"([^"]+)"/g))
    if (SECRET_NAMES.has(name)) secrets.add(`${name} in JSON`, value);
  for (const [, name = "", value] of text.matchAll(/name="(\w+)" value="([^"]+)"/g))
    if (SECRET_NAMES.has(name)) secrets.add(`${name} on a page`, value);
  if (!/[<{\n]/.test(text)) readPairs(secrets, new URLSearchParams(text), "in a form");
}

function readPairs(secrets: WireSecrets, pairs: URLSearchParams, where: string): void {
  for (const [name, value] of pairs)
    if (SECRET_NAMES.has(name)) secrets.add(`${name} ${where}`, value);
}
