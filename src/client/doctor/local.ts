/**
 * The gateway of this configuration, as it sees itself.
 */
import type { GatewayStatus } from "../../control/answers.ts";
import { UserError } from "../../errors.ts";
import { failed, passed, type Finding } from "./finding.ts";
import type { GroupResult } from "./examine.ts";

const SERVICE = {
  id: "service",
  why: "Who calls a service that cannot start gets an error from each tool.",
  next: "mcp-gateway service logs NAME shows what its program said.",
};

/** @returns the address to examine, and what the gateway says of its services */
export function lookInside(status: GatewayStatus): { url: string; group: GroupResult } {
  const url = status.services.flatMap(({ urls }) => urls)[0];
  if (url === undefined) {
    throw new UserError(`The gateway at ${status.url} has no services`, {
      hint: "Add one: mcp-gateway service add NAME -- COMMAND.",
    });
  }
  const results = status.services.map(({ service, state, reason }) => {
    const finding: Finding = reason === undefined ? passed(state) : failed(reason);
    const next = SERVICE.next.replace("NAME", service);
    return { ...SERVICE, title: `${service} is well`, next, ...finding };
  });
  return { url, group: { title: "Services", results } };
}
