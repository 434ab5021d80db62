/**
 * Which scopes an operation needs: `mcp`, and for a tool call those of every group the tool falls into (scopes.ts).
 *
 * What cannot be told is not guessed: a tool call that names its tool in no readable way, and a POST whose message a reverse
 * proxy does not show us, need the scopes of all groups.
 */
import type { IncomingMessage } from "node:http";
import { mirroredHeader } from "../../mcp/mirrored-header.ts";
import type { Resource } from "../resources.ts";
import { DEFAULT_SCOPES } from "../scopes.ts";
import { MODERN_VERSIONS } from "../../mcp/revisions.ts";

type Head = Pick<IncomingMessage, "headers" | "rawHeaders">;

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
 * @param forwarded.comparesHeaders whether the server behind speaks such a revision; one that does not compares nothing
 */
export function scopesOfForwarded(
  resource: Resource,
  forwarded: { method: string; head: Head; comparesHeaders: boolean },
): readonly string[] {
  const { method, head, comparesHeaders } = forwarded;
  // Streams and the end of a session; they carry no message.
  if (method !== "POST" || !hasToolGroups(resource)) return DEFAULT_SCOPES;
  const { "mcp-protocol-version": version, "mcp-method": operation } = head.headers;
  // Only servers of these revisions refuse headers that do not agree with the message.
  const isValidated = comparesHeaders && MODERN_VERSIONS.includes(String(version));
  if (!isValidated || typeof operation !== "string" || !/^[\w/]+$/.test(operation)) {
    return scopesOfTool(resource, undefined);
  }
  return scopesOfMessage(resource, operation, nameOf(head));
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

/** In time that grows with the name's length only: no backtracking, whoever wrote name and pattern. */
function fitsPattern(pattern: string, name: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return pattern === name;
  if (!name.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return name.length - last.length >= at && name.endsWith(last);
}

/** A proxy may have joined a repeated header with a comma: no name then. */
function nameOf(head: Head): string | undefined {
  if (head.headers["mcp-name"]?.includes(",") === true) return undefined;
  return mirroredHeader(head, "mcp-name") ?? undefined;
}
