/**
 * Logins for the administration of gateways elsewhere: it is found from their address, a person says yes in a browser, and
 * the tokens lie in the keyring, or in a file where none answers.
 */
import { hostname } from "node:os";
import { join } from "node:path";
import { systemClock } from "../clock.ts";
import { createControlClient, type ControlClient } from "../control.ts";
import { EXIT, UserError } from "../errors.ts";
import { loginsDirectory } from "../paths.ts";
import { Authorizer } from "./authorizer.ts";
import { readChallenge, type Challenge } from "./challenge.ts";
import { openCredentialStore } from "./credential-store.ts";
import { discover } from "./discovery.ts";
import { forgetGateway, rememberGateway, type KnownGateway } from "./gateways.ts";
import type { LoginSettings } from "./login.ts";
import { codeOf } from "./oauth-errors.ts";
import { present } from "./present.ts";
import { remoteTransport, unreachable } from "./remote-transport.ts";
import { fileVault, hasKeyring, keyringVault } from "./vault.ts";
import { createWeb, type Web } from "./web.ts";

export interface LoginOptions {
  grant: "browser" | "device";
  /** Instead of what the gateway says it needs. */
  scope?: string | undefined;
  callbackPort: number;
  mayOpenBrowser: boolean;
  /** A sentence for the person. */
  tell: (text: string) => void;
}

/** @throws UserError exit 4 when there is no login, or it is over */
export async function openRemote(gateway: KnownGateway): Promise<ControlClient> {
  return createControlClient(remoteTransport(gateway.url, await prepare(gateway)));
}

/**
 * Log in, whoever was before: that login ends. From then on the gateway is the current one.
 * @param address of the gateway, or of an MCP endpoint of it
 * @throws UserError exit 4 when the gateway, or the person, says no
 */
export async function logInTo(address: string, options: LoginOptions): Promise<KnownGateway> {
  const { url, challenge } = await findAdministration(address);
  const gateway: KnownGateway = { url, vault: (await hasKeyring()) ? "keyring" : "file" };
  const { authorizer } = await prepare(gateway, options);
  const { problem } = await authorizer.forget();
  if (problem !== undefined) options.tell(problem);
  try {
    await authorizer.renew(undefined, challenge, false);
  } catch (error) {
    if ((await codeOf((error as Error).cause)) !== "access_denied") throw error;
    throw new UserError(`You were not given the administration of ${url}`, {
      hint: "Only who is named in its identity.admins may have it; the page in the browser says more.",
      exitCode: EXIT.notAuthorised,
      cause: error,
    });
  }
  await rememberGateway(gateway);
  return gateway;
}

/** Have the gateway take the tokens back, and forget them in any case. @returns why it did not take them back */
export async function logOutOf(gateway: KnownGateway): Promise<string | undefined> {
  const { authorizer } = await prepare(gateway);
  const { problem } = await authorizer.forget();
  await forgetGateway(gateway.url);
  return problem;
}

async function prepare(
  gateway: KnownGateway,
  options: Partial<LoginOptions> = {},
): Promise<{ authorizer: Authorizer; web: Web }> {
  const endpoint = new URL(`${gateway.url}/admin`);
  const web = await createWeb({ endpoint, allowHttp: false });
  web.check(endpoint, "The address");
  const settings: LoginSettings = {
    web,
    clock: systemClock,
    clientName: `mcp-gateway on ${hostname()}`,
    grant: options.grant ?? "browser",
    scope: options.scope,
    callbackPort: options.callbackPort ?? 0,
    present: (page) =>
      present(page, {
        mayOpen: options.mayOpenBrowser ?? false,
        tell: options.tell ?? (() => undefined),
      }),
  };
  const directory = join(loginsDirectory(), "logins");
  const vault =
    gateway.vault === "keyring"
      ? await keyringVault()
      : fileVault(directory, "Set XDG_CONFIG_HOME to a directory that is yours.");
  const authorizer = new Authorizer({
    endpoint,
    store: openCredentialStore(endpoint.href, "", directory, vault),
    settings,
    signal: new AbortController().signal,
    trace: () => undefined,
  });
  return { authorizer, web };
}

/** From whatever address of the gateway the person knows: its public URL, or by an endpoint's metadata (RFC 9728). */
async function findAdministration(address: string): Promise<{ url: string; challenge: Challenge }> {
  const web = await createWeb({ endpoint: new URL(address), allowHttp: false });
  try {
    const challenge = await challengeAt(address, web);
    if (challenge) return { url: address, challenge };
    const found = await discover(new URL(address), {}, web).catch(() => undefined);
    const issuer = found?.server.issuer.replace(/\/$/, "");
    if (issuer !== undefined && issuer !== address) {
      const there = await challengeAt(issuer, web);
      if (there) return { url: issuer, challenge: there };
    }
  } finally {
    await web.close();
  }
  throw new UserError(`${address} offers no remote administration`, {
    hint: "It is there once the gateway's operator has named admins in identity.admins, at its public URL.",
  });
}

async function challengeAt(url: string, web: Web): Promise<Challenge | undefined> {
  try {
    const response = await web.ask(`${url}/admin`, { headers: { accept: "application/json" } });
    await response.body?.cancel();
    const header = response.headers.get("www-authenticate");
    if (response.status !== 401 || header === null) return undefined;
    const challenge = readChallenge(header);
    return challenge.resourceMetadata === undefined ? undefined : challenge;
  } catch (error) {
    throw unreachable(url, error);
  }
}
