/**
 * Secrets that each person has entered for a service (config/credentials.ts): whether the caller's are there before anything
 * is started, and what of them goes to that person's own server.
 */
import type { AuthInfo } from "../auth-info.ts";
import type { BridgedServiceConfig } from "../config/service.ts";
import { asObject, ERROR_CODES } from "../mcp/json-rpc.ts";
import { randomId } from "../random.ts";
import { Refusal } from "./refusal.ts";

/** Where they are kept. */
export interface CredentialSource {
  /** Names that a person has entered, and a version that is another one after every change. */
  state(service: string, subject: string): Promise<CredentialState>;
  /** @throws Error when one cannot be decrypted */
  values(service: string, subject: string): Promise<ReadonlyMap<string, string>>;
  /** Address of the page where they are entered. */
  page(service: string): string;
}

interface CredentialState {
  readonly version: string;
  readonly names: ReadonlySet<string>;
}

/** What one person's server gets, besides what the configuration gives to all. */
export interface OwnValues {
  readonly environment: Readonly<Record<string, string>>;
  /** Names and values by turns. */
  readonly headers: readonly string[];
  /** What must not be seen anywhere. */
  readonly secrets: readonly string[];
}

type Asked = { optional: boolean; header?: string; format?: string };

/** Whether the service asks anything of its people. */
export function asksPeople({ credentials = {} }: BridgedServiceConfig): boolean {
  return Object.keys(credentials).length > 0;
}

/** Names of those the service cannot be used without. */
export function missing(
  { credentials = {} }: BridgedServiceConfig,
  state: CredentialState,
): string[] {
  return Object.entries(credentials).flatMap(([name, { optional }]) =>
    optional || state.names.has(name) ? [] : [name],
  );
}

/** @throws Error when one is missing or cannot be decrypted */
export async function ownValues(
  source: CredentialSource | undefined,
  service: string,
  config: BridgedServiceConfig,
  { subject }: AuthInfo,
): Promise<OwnValues> {
  const values = (await source?.values(service, subject)) ?? new Map<string, string>();
  const own = {
    environment: {} as Record<string, string>,
    headers: [] as string[],
    secrets: [] as string[],
  };
  const all: Readonly<Record<string, Asked>> = config.credentials ?? {};
  for (const [name, { optional, header, format = "" }] of Object.entries(all)) {
    const value = values.get(name);
    if (value === undefined) {
      if (optional) continue;
      throw new Error(`service ${service} needs credentials that were not entered`);
    }
    own.secrets.push(value);
    if (header === undefined) own.environment[name] = value;
    else
      own.headers.push(
        header.toLowerCase(),
        format.replace("{value}", () => value),
      );
  }
  return own;
}

/** What a client is told whose person has not entered everything. */
export function credentialsMissing(
  service: string,
  page: string,
  message: { [member: string]: unknown } | undefined,
  isModern: boolean,
): Refusal {
  const id = message?.["id"];
  const text = `The service ${service} needs credentials of yours. Enter them at ${page} and try again.`;
  const options = typeof id === "string" || typeof id === "number" ? { id } : {};
  const { capabilities } = asObject(message?.["params"]) ?? {};
  // URL mode came with MCP 2025-11-25 and its error went with 2026-07-28 ("Elicitation").
  if (!isModern && asObject(asObject(capabilities)?.["elicitation"])?.["url"] !== undefined) {
    const elicitation = { mode: "url", elicitationId: randomId(), url: page, message: text };
    const data = { elicitations: [elicitation] };
    return new Refusal(200, ERROR_CODES.urlElicitationRequired, text, { ...options, data });
  }
  const code = isModern ? ERROR_CODES.internal : ERROR_CODES.server;
  return new Refusal(200, code, text, { ...options, data: { url: page } });
}
