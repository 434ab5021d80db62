/**
 * Where names stand in messages of MCP: what a message asks for, and what an answer shows. All revisions.
 */
import { asObject, type JsonRpcResponse } from "../mcp/json-rpc.ts";
import type { Kind, Question } from "./decide.ts";

/** What the answer to each list shows: the member, what it is called by, and what kind it is. */
export const LISTS: Readonly<Record<string, { member: string; name: string; kind: Kind }>> = {
  "tools/list": { member: "tools", name: "name", kind: "tools" },
  "prompts/list": { member: "prompts", name: "name", kind: "prompts" },
  "resources/list": { member: "resources", name: "uri", kind: "resources" },
  "resources/templates/list": {
    member: "resourceTemplates",
    name: "uriTemplate",
    kind: "resources",
  },
};

/** Methods of clients that name nothing a rule could be about, besides the lists. */
const NAMELESS: ReadonlySet<string> = new Set([
  "initialize",
  "ping",
  "server/discover",
  "logging/setLevel",
  "subscriptions/listen",
  "tasks/get",
  "tasks/update",
  "tasks/cancel",
  "tasks/result",
  "tasks/list",
]);

/**
 * @returns what it asks for; "nothing"; or "unknown" for a method of no revision of MCP, of which nobody can say what it
 *   does
 */
export function questionOf(
  method: string,
  params: unknown,
  isNotification: boolean,
): Question | "nothing" | "unknown" {
  const members = asObject(params) ?? {};
  switch (method) {
    case "tools/call":
      return {
        kind: "tools",
        name: members["name"],
        arguments: asObject(members["arguments"]) ?? {},
      };
    case "prompts/get":
      return { kind: "prompts", name: members["name"] };
    case "resources/read":
    case "resources/subscribe":
    case "resources/unsubscribe":
      return { kind: "resources", name: members["uri"] };
    case "completion/complete": {
      const reference = asObject(members["ref"]);
      if (reference?.["type"] === "ref/prompt") return { kind: "prompts", name: reference["name"] };
      if (reference?.["type"] === "ref/resource") {
        return { kind: "resources", name: reference["uri"] };
      }
      return "unknown";
    }
    default:
  }
  const isKnown = isNotification
    ? method.startsWith("notifications/")
    : Object.hasOwn(LISTS, method) || NAMELESS.has(method);
  return isKnown ? "nothing" : "unknown";
}

/**
 * Leave in the answer to a list only what may be seen. Cursors stay as they are. It is the caller's own answer now: nobody may
 * keep it for others (MCP 2026-07-28, "Caching").
 */
export function filterAnswer(
  method: string,
  answer: JsonRpcResponse,
  isVisible: (question: Question) => boolean,
): void {
  const list = LISTS[method];
  const result = "result" in answer ? asObject(answer.result) : undefined;
  if (!result || !("result" in answer)) return;
  const own = result["cacheScope"] === undefined ? {} : { cacheScope: "private" };
  if (!list) {
    answer.result = { ...result, ...own };
    return;
  }
  const { member, name, kind } = list;
  const entries: unknown[] = Array.isArray(result[member]) ? result[member] : [];
  const visible = entries.filter((entry) => isVisible({ kind, name: asObject(entry)?.[name] }));
  answer.result = {
    ...result,
    ...own,
    ...(Object.hasOwn(result, member) && { [member]: visible }),
  };
}

/** Nobody needs more in one subscription; looking at them must not keep others waiting. */
const MOST_URIS = 1000;

/**
 * Keep of the resources that a subscription names those that may be read; of more than anybody needs none.
 * @returns the first that was taken out, within an object
 */
export function narrowSubscription(
  params: unknown,
  isVisible: (uri: unknown) => boolean,
): { uri: unknown } | undefined {
  const wanted = asObject(asObject(params)?.["notifications"]);
  if (!wanted || !Object.hasOwn(wanted, "resourceSubscriptions")) return undefined;
  const uris: unknown[] = [wanted["resourceSubscriptions"]].flat();
  const kept = uris.length > MOST_URIS ? [] : uris.filter(isVisible);
  wanted["resourceSubscriptions"] = kept;
  return kept.length === uris.length ? undefined : { uri: uris.find((uri) => !kept.includes(uri)) };
}
