/**
 * Where the MCP endpoints of a configuration are: the only place that knows how a service's URL is written.
 *
 * `<publicUrl>/<service>/mcp`, with subdomain routing `https://<service>.<host>/mcp`, and for the default service also
 * `<publicUrl>/mcp`.
 */
import type { Config } from "../config.ts";

export interface Endpoint {
  readonly service: string;
  /** Scheme, host and port, as `URL.origin` writes them. */
  readonly origin: string;
  readonly path: string;
  /** Of the default service, at the public URL itself. */
  readonly isDefault: boolean;
}

type Addressed = Pick<Config, "publicUrl" | "routing" | "defaultService" | "services">;

/** The default service's comes first: it is the address to show, the shortest, and the only path that some clients call. */
export function endpointsOf(config: Addressed): Endpoint[] {
  const base = new URL(config.publicUrl);
  const services = Object.keys(config.services);
  const own = services.map((service): Endpoint => {
    const isDefault = false;
    return config.routing === "subdomain"
      ? { service, origin: `${base.protocol}//${service}.${base.host}`, path: "/mcp", isDefault }
      : { service, origin: base.origin, path: `${basePath(config)}/${service}/mcp`, isDefault };
  });
  const service = config.defaultService ?? (services.length === 1 ? services[0] : undefined);
  if (service === undefined) return own;
  return [
    { service, origin: base.origin, path: `${basePath(config)}/mcp`, isDefault: true },
    ...own,
  ];
}

/** Where the gateway itself is administered: a protected resource, whether or not anybody may use it. */
export function adminUri(config: Pick<Config, "publicUrl">): string {
  return `${new URL(config.publicUrl).origin}${basePath(config)}/admin`;
}

/** Without anybody who may use it there is no administration from afar. */
export function hasAdmins({ identity }: Pick<Config, "identity">): boolean {
  return (identity.admins?.length ?? 0) > 0;
}

/** The path of the public URL; empty where there is none. */
export function basePath({ publicUrl }: Pick<Config, "publicUrl">): string {
  const { pathname } = new URL(publicUrl);
  return pathname === "/" ? "" : pathname;
}
