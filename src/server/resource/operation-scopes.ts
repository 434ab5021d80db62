/**
 * Which scopes an operation needs: `mcp`, and for a tool call those of every group the tool falls into (scopes.ts).
 *
 * What cannot be told is not guessed: a tool call that names its tool in no readable way, and a POST whose message a reverse
 * proxy does not show us, need the scopes of all groups.
 */
import type { IncomingMessage } from "node:http";
import { fitsPattern } from "../../policy/pattern.ts";
import { mirroredHeader } from "../../mcp/mirrored-header.ts";
import type { Resource } from "../resources.ts";
import { DEFAULT_SCOPES } from "../scopes.ts";
import { MODERN_VERSIONS } from "../../mcp/revisions.ts";

type Head = Pick<IncomingMessage, "headers" | "rawHeaders">;

/** A request that a reverse proxy holds and asks about. */
export interface Forwarded {
  readonly method: string;
  readonly head: Head;
  /** Whether the server behind speaks a revision that compares headers with the message; others compare nothing. */
  readonly comparesHeaders: boolean;
}

export function hasToolGroups({ scopes }: Resource): boolean {
  return scopes.some(({ guards }) => guards !== undefined);
}

/** @param name what the message names, whatever it is */
export function scopesOfMessage(
  resource: Resource,
  method: string,
  name: unknown,
): readonly string[] {
  if (method !== "tools/call") return DEFAULT_SCOPES;
  return scopesOfTool(resource, typeof name === "string" ? name : undefined);
}

/**
 * At ForwardAuth there is only the head of the request. `Mcp-Method` and `Mcp-Name` are believed when the server behind
 * compares them with the message; of any other request they could say anything.
 */
export function scopesOfForwarded(resource: Resource, forwarded: Forwarded): readonly string[] {
  const { method } = forwarded;
  // Streams and the end of a session; they carry no message.
  if (method !== "POST" || !hasToolGroups(resource)) return DEFAULT_SCOPES;
  const operation = forwardedOperation(forwarded);
  if (!operation) return scopesOfTool(resource, undefined);
  return scopesOfMessage(resource, operation.method, operation.name);
}

/** What the head of a request says it is; undefined where nothing makes sure that the message says the same. */
export function forwardedOperation({
  head,
  comparesHeaders,
}: Pick<Forwarded, "head" | "comparesHeaders">):
  | { method: string; name: string | undefined }
  | undefined {
  const { "mcp-protocol-version": version, "mcp-method": operation } = head.headers;
  // Only servers of these revisions refuse headers that do not agree with the message.
  const isValidated = comparesHeaders && MODERN_VERSIONS.includes(String(version));
  if (!isValidated || typeof operation !== "string" || !/^[\w/]+$/.test(operation))
    return undefined;
  return { method: operation, name: nameOf(head) };
}

/** @param name undefined when it cannot be told */
function scopesOfTool({ scopes }: Resource, name: string | undefined): readonly string[] {
  const groups = scopes.filter(
    ({ guards }) =>
      guards !== undefined &&
      (name === undefined || guards.tools.some((pattern) => fitsPattern(pattern, name))),
  );
  return groups.length === 0
    ? DEFAULT_SCOPES
    : [...DEFAULT_SCOPES, ...groups.map((one) => one.name)];
}

/** A proxy may have joined a repeated header with a comma: no name then. */
function nameOf(head: Head): string | undefined {
  if (head.headers["mcp-name"]?.includes(",") === true) return undefined;
  return mirroredHeader(head, "mcp-name") ?? undefined;
}
