/**
 * The headers an operator has configured for a server elsewhere: its own credentials, mostly.
 */
import { isGatewayHeader } from "../../config/gateway-headers.ts";
import type { RemoteServiceConfig } from "../../config/service.ts";
import { UserError } from "../../errors.ts";
import type { HttpSender } from "../../mcp/remote/remote-http.ts";
import { expandReferences } from "../../secret.ts";

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
    if (isGatewayHeader(name)) {
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
  return { headers, secrets: longEnough(secrets) };
}

export function longEnough(secrets: readonly string[]): string[] {
  return secrets.filter(({ length }) => length >= SECRET_LENGTH);
}

/** Takes secrets out of a text, also where it is JSON. */
export function scrubber(secrets: readonly string[]): (text: string) => string {
  const written = [...secrets, ...secrets.map((secret) => JSON.stringify(secret).slice(1, -1))];
  return (text) => {
    let shown = text;
    for (const secret of written) shown = shown.replaceAll(secret, "[redacted]");
    return shown;
  };
}

/** The same server for one person: connections are those of all, headers are not. */
export function withHeaders(http: HttpSender, headers: readonly string[]): HttpSender {
  return {
    url: http.url,
    send: (request, receiver) =>
      http.send({ ...request, headers: [...headers, ...request.headers] }, receiver),
  };
}
