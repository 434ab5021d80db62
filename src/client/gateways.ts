/**
 * Which gateways a person has logged in to, and which of them is meant when none is named. One file, in which there is no
 * secret; the logins lie in a vault each.
 */
import { readFileIfAny, replaceFile } from "../files/private-file.ts";
import { EXIT, UserError } from "../errors.ts";
import { loginsDirectory } from "../paths.ts";
import { join } from "node:path";
import { whileLocked } from "./credential-store.ts";

export interface KnownGateway {
  /** The issuer: the public URL. */
  url: string;
  /** Which vault the login lies in. */
  vault: "keyring" | "file";
}

interface Known {
  /** The last one somebody logged in to. */
  current?: string;
  gateways: KnownGateway[];
}

const NAME = "gateways";

export async function knownGateways(): Promise<Known> {
  try {
    const text = (await readFileIfAny(join(loginsDirectory(), `${NAME}.json`)))?.toString("utf8");
    const known = JSON.parse(text ?? "") as Partial<Known>;
    if (Array.isArray(known.gateways)) return { ...known, gateways: known.gateways };
  } catch {
    // What cannot be read names none.
  }
  return { gateways: [] };
}

/** From now on it is the current one. */
export async function rememberGateway(gateway: KnownGateway): Promise<void> {
  await change(({ gateways }) => ({
    current: gateway.url,
    gateways: [...gateways.filter(({ url }) => url !== gateway.url), gateway],
  }));
}

/** Another one becomes the current one only when somebody logs in to it. */
export async function forgetGateway(url: string): Promise<void> {
  await change(({ current, gateways }) => ({
    ...(current !== undefined && current !== url && { current }),
    gateways: gateways.filter((one) => one.url !== url),
  }));
}

/**
 * The gateway that is meant.
 * @param named by the person; else it is the current one
 * @throws UserError exit 4 when nobody is logged in there
 */
export async function meantGateway(named: string | undefined): Promise<KnownGateway> {
  const { current, gateways } = await knownGateways();
  const url = named === undefined ? current : gatewayUrl(named);
  const found = gateways.find((one) => one.url === url);
  if (found) return found;
  throw new UserError(
    url === undefined ? "You are logged in to no gateway" : `You are not logged in to ${url}`,
    { hint: `Log in: mcp-gateway login ${url ?? "URL"}`, exitCode: EXIT.notAuthorised },
  );
}

/** The one that the environment names, for commands that name none. */
export function gatewayOfEnvironment(): string | undefined {
  return process.env["MCP_GATEWAY_URL"] || undefined;
}

/**
 * What a person writes for a gateway as its public URL is written: `gw.example.com` means https.
 * @throws UserError exit 2
 */
export function gatewayUrl(text: string): string {
  const whole = /^https?:\/\//i.test(text) ? text : `https://${text}`;
  if (!URL.canParse(whole)) {
    throw new UserError(`${text} is not the address of a gateway`, {
      hint: "Write its public URL: https://gw.example.com",
      exitCode: EXIT.usage,
    });
  }
  const { origin, pathname } = new URL(whole);
  return `${origin}${pathname.replace(/\/+$/, "")}`;
}

async function change(to: (known: Known) => Known): Promise<void> {
  const directory = loginsDirectory();
  const patience = { signal: AbortSignal.timeout(10_000), onWait: () => undefined };
  await whileLocked(
    directory,
    NAME,
    async () => {
      const next = to(await knownGateways());
      await replaceFile(join(directory, `${NAME}.json`), [`${JSON.stringify(next, null, 2)}\n`]);
    },
    patience,
  );
}
