/**
 * The protected resources: one per MCP endpoint. The only place that knows how a service's URL is written.
 *
 * A resource is identified by its canonical URI (RFC 8707, RFC 9728): `<publicUrl>/<service>/mcp`, with subdomain routing
 * `https://<service>.<host>/mcp`, and for the default service also `<publicUrl>/mcp`, which is a resource of its own,
 * because strict clients compare the identifier with the URL they dialled.
 */
import { domainToASCII } from "node:url";
import type { Config } from "../config.ts";
import { serviceScopes, type Scope } from "./scopes.ts";

export interface Resource {
  /** Canonical URI; `aud` of its tokens. */
  readonly uri: string;
  readonly service: string;
  /** Host with port as a `Host` header carries it, lower case. */
  readonly host: string;
  readonly path: string;
  /** Where its protected resource metadata is (RFC 9728 §3.1). */
  readonly metadataUri: string;
  /** What can be asked for here. */
  readonly scopes: readonly Scope[];
}

export interface Resources {
  readonly all: readonly Resource[];
  /**
   * The resource a client names in a `resource` parameter. One trailing slash and the case of scheme and host do not
   * count; everything else does (JavaScript clients append a slash). @returns undefined when we do not serve it
   */
  named(uri: string): Resource | undefined;
  /** The resource at exactly this host and path (one trailing slash tolerated); undefined for anything else. */
  at(host: string, path: string): Resource | undefined;
  /** What a client means that names none: our only resource, or the default service's (pre-2025-06-18 clients). */
  readonly fallback: Resource | undefined;
  /** Every host the gateway answers for, lower case, with its port when that is not the default. */
  readonly hosts: ReadonlySet<string>;
  /** Names of all scopes of all resources. */
  readonly scopeNames: ReadonlySet<string>;
}

export interface LiveResources extends Resources {
  /** Serve those of another configuration from now on. */
  replace(config: Config): void;
}

/** Whoever holds this always sees the resources of the configuration that is in force. */
export function createLiveResources(config: Config): LiveResources {
  let current = createResources(config);
  return {
    get all() {
      return current.all;
    },
    named: (uri) => current.named(uri),
    at: (host, path) => current.at(host, path),
    get fallback() {
      return current.fallback;
    },
    get hosts() {
      return current.hosts;
    },
    get scopeNames() {
      return current.scopeNames;
    },
    replace: (next) => (current = createResources(next)),
  };
}

export function createResources(config: Config): Resources {
  const base = new URL(config.publicUrl);
  const resource = (origin: string, path: string, service: string): Resource => ({
    uri: `${origin}${path}`,
    service,
    host: new URL(origin).host,
    path,
    metadataUri: `${origin}/.well-known/oauth-protected-resource${path}`,
    scopes: serviceScopes(config.services[service]),
  });
  const all = Object.keys(config.services).map((service) =>
    config.routing === "subdomain"
      ? resource(`${base.protocol}//${service}.${base.host}`, "/mcp", service)
      : resource(base.origin, `${pathOf(base)}/${service}/mcp`, service),
  );
  const fallback = config.defaultService ?? (all.length === 1 ? all[0]!.service : undefined);
  // First, because it is the address to show: the shortest, and the only path that some clients call.
  if (fallback !== undefined) all.unshift(resource(base.origin, `${pathOf(base)}/mcp`, fallback));

  const byUri = new Map(all.map((entry) => [entry.uri, entry]));
  const byPlace = new Map(all.map((entry) => [`${entry.host} ${entry.path}`, entry]));
  return {
    all,
    named(uri) {
      const canonical = byUri.has(uri) ? uri : canonicalUri(uri);
      return canonical === undefined ? undefined : byUri.get(canonical);
    },
    at: (host, path) => byPlace.get(`${canonicalHost(host)} ${withoutSlash(path)}`),
    fallback: fallback === undefined ? undefined : all[0],
    hosts: new Set([base.host, ...all.map((entry) => entry.host)]),
    scopeNames: new Set(all.flatMap(({ scopes }) => scopes.map(({ name }) => name))),
  };
}

/** Lower-case scheme and host, default port dropped, one trailing slash dropped; undefined when it can be no resource. */
function canonicalUri(uri: string): string | undefined {
  if (!/^https?:\/\//i.test(uri) || uri.includes("#") || !URL.canParse(uri)) return undefined;
  const url = new URL(uri);
  if (url.username || url.password || url.search || uri.includes("?")) return undefined;
  // The parser resolves `..` and rewrites odd spellings; a client that needs that does not mean one of ours.
  const path = uri.replace(/^https?:\/\/[^/]*/i, "");
  if (path !== url.pathname && !(path === "" && url.pathname === "/")) return undefined;
  return `${url.origin}${withoutSlash(url.pathname)}`;
}

/** A `Host` header in the one spelling we compare: lower case, no trailing dot, punycode. */
export function canonicalHost(host: string): string {
  const [, name = "", port = ""] = /^(.*?)(:\d+)?$/.exec(host.toLowerCase()) ?? [];
  if (name.startsWith("[")) return `${name}${port}`;
  const trimmed = name.replace(/\.$/, "");
  return `${/^[\x21-\x7e]*$/.test(trimmed) ? trimmed : domainToASCII(trimmed)}${port}`;
}

function pathOf(base: URL): string {
  return base.pathname === "/" ? "" : base.pathname;
}

function withoutSlash(path: string): string {
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}
