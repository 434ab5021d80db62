/**
 * The gate in front of a service's server: what of it the caller may use (config/policy.ts), for messages on their way in and
 * answers on their way out.
 *
 * What is kept from a caller looks as if it were not there: he gets the errors of servers that do not know the tool,
 * resource or prompt. Where there are rules, methods of no revision of MCP do not pass: nobody can say what they do.
 */
import type { AuthInfo } from "../../auth-info.ts";
import type { Gate } from "../../bridge/bridge.ts";
import { epochSeconds } from "../../clock.ts";
import type { ServiceRules } from "../../config/policy.ts";
import { ERROR_CODES, type JsonRpcErrorResponse } from "../../mcp/json-rpc.ts";
import type { Caller } from "../../policy/caller.ts";
import {
  decide,
  hasRules,
  isLimited,
  judgesArguments,
  policiesFor,
  type Applied,
  type Decision,
  type Kind,
  type Question,
} from "../../policy/decide.ts";
import { filterAnswer, LISTS, narrowSubscription, questionOf } from "../../policy/messages.ts";
import type { ServerContext } from "../context.ts";

const MAX_NAME = 200; // characters of it that are repeated

type Deciding = Pick<ServerContext, "clock" | "config" | "events" | "store">;
type JsonRpcError = JsonRpcErrorResponse["error"];

/** Everything that rules can be about; what only some of them need is only looked up for these. */
export async function callerOf(
  { config, store }: Pick<Deciding, "config" | "store">,
  { identity, clientId }: AuthInfo,
  service: string,
): Promise<Caller> {
  const named = config.services[service]?.policies?.flatMap(({ clients = [] }) => clients);
  const client = named?.some((one) => one.startsWith("redirect:"))
    ? await store.get("client", clientId)
    : undefined;
  const redirectUris = client?.metadata.redirect_uris ?? [];
  return { ...(identity && { identity }), clientId, redirectUris };
}

export class ServiceGate implements Gate {
  readonly #context: Deciding;
  readonly #service: string;
  readonly #subject: string;
  readonly #caller: Caller;
  /** The policies for the caller, and the rules they were found in. */
  #found: { rules: ServiceRules; applied: readonly Applied[] } | undefined;

  constructor(context: Deciding, service: string, subject: string, caller: Caller) {
    this.#context = context;
    this.#service = service;
    this.#subject = subject;
    this.#caller = caller;
  }

  refusal(...[message, era]: Parameters<Gate["refusal"]>): JsonRpcError | undefined {
    const rules = this.#rules();
    if (!rules || !hasRules(rules)) return undefined;
    const { method, params } = message;
    if (method === "subscriptions/listen" && isLimited(rules, "resources")) {
      const denied = narrowSubscription(params, (uri) => this.#isVisible("resources", uri));
      if (denied) this.#tell(method, denied.uri, "resources");
    }
    const question = questionOf(method, params, !("id" in message));
    if (question === "nothing") return undefined;
    if (question === "unknown") {
      this.#tell(method, undefined, "");
      return { code: ERROR_CODES.methodNotFound, message: "Method not found" };
    }
    const decision = this.#decide(rules, question);
    if (decision.isAllowed) return undefined;
    this.#tell(method, question.name, decision.rule);
    return errorFor(question, decision, era);
  }

  /**
   * Of a request at ForwardAuth, of which only the head can be seen and whose answer nobody can filter.
   * @param operation undefined where the head cannot be believed
   * @returns whether it may pass; what only its message could tell is not guessed
   */
  mayForward(operation: { method: string; name: string | undefined } | undefined): boolean {
    const rules = this.#rules();
    if (!rules || !hasRules(rules)) return true;
    const { method = "", name } = operation ?? {};
    const list = LISTS[method];
    const kind = list?.kind ?? (method === "subscriptions/listen" ? "resources" : undefined);
    if (kind !== undefined) return !isLimited(rules, kind) || this.#deny(method, undefined, kind);
    const question = questionOf(method, { name, uri: name }, false);
    if (question === "nothing") return true;
    if (question === "unknown") return this.#deny(method, name, "");
    if (this.#judgesArguments(rules, question)) return this.#deny(method, name, "arguments");
    const decision = this.#decide(rules, question);
    return decision.isAllowed || this.#deny(method, name, decision.rule);
  }

  filter(...[method, answer]: Parameters<Gate["filter"]>): void {
    const kind = LISTS[method]?.kind ?? (method === "resources/read" ? "resources" : undefined);
    const rules = kind && this.#rules();
    if (!rules || !isLimited(rules, kind)) return;
    filterAnswer(method, answer, (question) => this.#decide(rules, question).isAllowed);
  }

  mayHear({ method, params }: Parameters<Gate["mayHear"]>[0]): boolean {
    return (
      method !== "notifications/resources/updated" || this.#isVisible("resources", params?.["uri"])
    );
  }

  #rules(): ServiceRules | undefined {
    return this.#context.config.services[this.#service];
  }

  #isVisible(kind: Kind, name: unknown): boolean {
    const rules = this.#rules();
    return rules === undefined || this.#decide(rules, { kind, name }).isAllowed;
  }

  #decide(rules: ServiceRules, question: Question): Decision {
    return decide(rules, this.#applied(rules), question);
  }

  #judgesArguments(rules: ServiceRules, { kind, name }: Question): boolean {
    return (
      kind === "tools" &&
      typeof name === "string" &&
      judgesArguments(rules, this.#applied(rules), name)
    );
  }

  #applied(rules: ServiceRules): readonly Applied[] {
    if (this.#found?.rules !== rules) {
      this.#found = { rules, applied: policiesFor(rules, this.#caller) };
    }
    return this.#found.applied;
  }

  #deny(method: string, name: unknown, rule: string): false {
    this.#tell(method, name, rule);
    return false;
  }

  /** @param rule below the service */
  #tell(method: string, name: unknown, rule: string): void {
    const { clock, events } = this.#context;
    events.publish({
      type: "policy.denied",
      at: epochSeconds(clock),
      service: this.#service,
      clientId: this.#caller.clientId,
      subject: this.#subject,
      method: method.slice(0, MAX_NAME),
      ...(typeof name === "string" && { target: name.slice(0, MAX_NAME) }),
      rule: `services.${this.#service}${rule === "" ? "" : `.${rule}`}`,
    });
  }
}

/** What servers of each revision say (MCP "Tools", "Resources", "Prompts": error handling). */
function errorFor(
  { kind, name }: Question,
  { argument }: Decision,
  era: "legacy" | "modern",
): JsonRpcError {
  const shown = typeof name === "string" ? name.slice(0, MAX_NAME) : "";
  const code = ERROR_CODES.invalidParams;
  if (argument !== undefined) {
    return {
      code,
      message: `The argument ${argument} is missing or has a value that is not allowed`,
    };
  }
  if (kind === "tools") return { code, message: `Unknown tool: ${shown}` };
  if (kind === "prompts") return { code, message: `Unknown prompt: ${shown}` };
  const data = { uri: shown };
  return era === "modern"
    ? { code, message: "Resource not found", data }
    : { code: ERROR_CODES.resourceNotFound, message: "Resource not found", data };
}
