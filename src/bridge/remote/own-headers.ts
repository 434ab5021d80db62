/**
 * The headers an operator has configured for a server elsewhere: its own credentials, mostly.
 */
import type { RemoteServiceConfig } from "../../config/service.ts";
import { UserError } from "../../errors.ts";
import { expandReferences } from "../../secret.ts";

/** Headers the gateway writes itself; a second opinion would break the conversation. */
const OURS = new Set([
  "accept",
  "accept-encoding",
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "expect",
  "host",
  "keep-alive",
  "last-event-id",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** A shorter value would blank out innocent text. */
const SECRET_LENGTH = 6; // characters

export interface OwnHeaders {
  /** Names and values by turns. */
  readonly headers: readonly string[];
  /** Values that must not be seen anywhere. */
  readonly secrets: readonly string[];
}

/** @throws UserError when a variable is not set, or a value cannot stand in a header */
export function ownHeaders(
  service: string,
  configured: RemoteServiceConfig["headers"],
  environment: NodeJS.ProcessEnv,
): OwnHeaders {
  const headers: string[] = [];
  const secrets: string[] = [];
  for (const [name, text] of Object.entries(configured)) {
    const place = `services.${service}.headers.${name}`;
    const lower = name.toLowerCase();
    if (OURS.has(lower) || lower.startsWith("mcp-")) {
      throw new UserError(`${place} is a header that the gateway writes itself`, {
        hint: "Remove it.",
      });
    }
    const value = expandReferences(text, place, environment);
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
      throw new UserError(`${place} has a character that a header cannot carry`, {
        hint: "Look for a line break at the end of the variable.",
      });
    }
    headers.push(lower, value);
    // A scheme such as Bearer is no secret, and what stands behind it is one by itself, too.
    secrets.push(value, ...value.split(/\s+/));
  }
  return { headers, secrets: secrets.filter(({ length }) => length >= SECRET_LENGTH) };
}
