/**
 * The MCP servers behind the gateway in the control API: what they wrote, and a fresh start.
 */
import type { RestartedService, ServiceLogLine } from "../../control/services.ts";
import { ControlFailure, type ControlContext, type ControlRoute } from "./control-route.ts";

export const serviceRoutes: readonly ControlRoute[] = [
  { method: "GET", path: "/logs/:id", handle: (context, { id }) => logOf(context, id) },
  { method: "POST", path: "/services/:id", handle: (context, { id }) => restart(context, id) },
];

const GRACE = 2; // seconds for its children before each firmer step

async function logOf(
  { bridge, ...context }: ControlContext,
  id: string,
): Promise<ServiceLogLine[]> {
  return bridge.log(known(context, id));
}

async function restart(
  { bridge, ...context }: ControlContext,
  id: string,
): Promise<RestartedService> {
  const service = known(context, id);
  const children = bridge.health()[service]?.children.length ?? 0;
  const sessions = await bridge.restart(service, GRACE);
  return { service, sessions, children };
}

function known({ config }: Pick<ControlContext, "config">, service: string): string {
  const names = Object.keys(config.services);
  if (names.includes(service)) return service;
  const hint = `There are: ${names.join(", ")}`;
  throw new ControlFailure(404, "not_found", `There is no service ${service}`, hint);
}
