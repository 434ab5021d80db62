/**
 * The gateway of this configuration, as it sees itself: whether its services are well, and why people did not get in.
 */
import type { GatewayStatus } from "../../control/answers.ts";
import type { AttemptSummary } from "../../control/attempts.ts";
import type { ControlClient } from "../../control.ts";
import { systemClock } from "../../clock.ts";
import { UserError } from "../../errors.ts";
import type { GroupResult } from "./examine.ts";
import { USER_AGENT } from "./facts.ts";
import { failed, passed, warning, type Finding } from "./finding.ts";

const RECENT = 86_400; // seconds
const MOST = 5; // attempts shown; mcp-gateway attempt list has them all

/** What is explained of the groups below. */
export const localChecks = [
  {
    id: "service",
    title: "The services are well",
    why: "Who calls a service that cannot start gets an error from each tool.",
    next: "mcp-gateway service logs NAME shows what its program said.",
  },
  {
    id: "rules",
    title: "The rules of the services can be kept",
    why: "What rules keep from somebody looks as if it were not there: he reports a tool that is missing, not a rule.",
    next: "mcp-gateway service explain NAME --tool TOOL --subject WHO says which rule decides.",
  },
  {
    id: "login",
    title: "Those who tried got in",
    why: "A login that ends in silence is what people report most, and the gateway knows at which step it stopped.",
    next: "mcp-gateway attempt list has all of them, attempt show every step of one.",
  },
] as const;
const [SERVICE, RULES, LOGIN] = localChecks;

/**
 * @returns the address to examine, and what the gateway says of itself
 * @throws UserError exit 3 when it does not run
 */
export async function lookInside(
  control: ControlClient,
): Promise<{ url: string; groups: GroupResult[] }> {
  const status = await control.status();
  const attempts = await control.attempts({ since: systemClock.now() - RECENT });
  const url = status.services.flatMap(({ urls }) => urls)[0];
  if (url === undefined) {
    throw new UserError(`The gateway at ${status.url} has no services`, {
      hint: "Add one: mcp-gateway service add NAME -- COMMAND",
    });
  }
  return { url, groups: [services(status), ...rules(status), logins(attempts)] };
}

function services(status: GatewayStatus): GroupResult {
  const results = status.services.map(({ service, state, reason }) => {
    const finding: Finding = reason === undefined ? passed(state) : failed(reason);
    const next = SERVICE.next.replace("NAME", service);
    return { ...SERVICE, title: `${service} is well`, next, ...finding };
  });
  return { title: "Services", results };
}

/** Only where there are any. */
function rules({ services: all }: GatewayStatus): GroupResult[] {
  const results = all.flatMap(({ service, rules: said = [], neverUsed = [] }) => {
    if (said.length === 0) return [];
    const next = RULES.next.replace("NAME", service);
    const words = `${said.join(". ")}.`;
    if (neverUsed.length === 0)
      return [{ ...RULES, title: `What may be used of ${service}`, next, ...passed(words) }];
    const places = neverUsed.map((place) => `services.${service}.${place}`).join(", ");
    const title = `${service} allows what it denies`;
    return [
      {
        ...RULES,
        title,
        ...warning(words),
        next: `Nothing comes through ${places}: a deny fits all of it.`,
      },
    ];
  });
  return results.length === 0 ? [] : [{ title: "Rules", results }];
}

function logins(attempts: readonly AttemptSummary[]): GroupResult {
  const those = attempts.filter(({ userAgent }) => userAgent?.includes(USER_AGENT) !== true);
  const bad = those.filter(({ state }) => state === "failed" || state === "stopped");
  const seen = those.length === 0 ? "nobody has tried" : `${those.length} in the last day`;
  if (bad.length === 0) return { title: "Logins", results: [{ ...LOGIN, ...passed(seen) }] };
  const results = bad.slice(0, MOST).map((attempt) => ({
    ...LOGIN,
    title: `${attempt.clientName ?? attempt.userAgent ?? "Somebody"} did not get in`,
    next: attempt.fix ?? `mcp-gateway attempt show ${attempt.id.slice(0, 8)}`,
    ...warning(attempt.why),
  }));
  return { title: `Logins that did not succeed: ${bad.length} of ${seen}`, results };
}
