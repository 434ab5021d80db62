/**
 * The one `initialize` of a shared server, and what each session gets of its answer.
 */
import { asObject } from "../../mcp/json-rpc.ts";
import { LEGACY_VERSIONS } from "../../mcp/revisions.ts";

type Members = { readonly [member: string]: unknown };

/**
 * The server is asked for our newest revision, whatever the first client speaks. One that is shared by several persons hears
 * of no client: it could not say whom it wants to ask.
 * @param params of the first client
 */
export function introductionFor(
  params: Members,
  isPrivate: boolean,
): { [member: string]: unknown } {
  const [protocolVersion] = LEGACY_VERSIONS;
  if (isPrivate) return { ...params, protocolVersion };
  const clientInfo = { name: "mcp-gateway", version: "1" };
  return { protocolVersion, capabilities: {}, clientInfo };
}

/**
 * A session gets the version it asked for unless the server's is older. Servers do not shape what they say by the version, and
 * clients ignore members they do not know; streams and headers are ours, and follow the session's version.
 * @param params of this client
 */
export function resultFor(result: unknown, params: Members, isPrivate: boolean): Members {
  const members = asObject(result) ?? {};
  const { protocolVersion: spoken, capabilities } = members;
  const asked = params["protocolVersion"];
  const isSpoken = typeof spoken === "string" && typeof asked === "string" && asked <= spoken;
  const protocolVersion = isSpoken ? asked : spoken;
  if (isPrivate) return { ...members, protocolVersion };
  const { tasks: _, ...shared } = asObject(capabilities) ?? {};
  return { ...members, protocolVersion, capabilities: shared };
}
