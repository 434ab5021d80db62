/**
 * The protected resources: one per MCP endpoint, identified by its canonical URI (RFC 8707, RFC 9728). The default service's
 * endpoint at the public URL is a resource of its own, because strict clients compare the identifier with the URL they
 * dialled. The gateway's administration is one, too, where somebody may use it.
 */
import { domainToASCII } from "node:url";
import type { Config } from "../config.ts";
import { adminUri, endpointsOf, hasAdmins } from "../config/endpoints.ts";
import { ADMIN_SCOPE, ADMIN_SCOPES, REQUIRED_SCOPE, serviceScopes, type Scope } from "./scopes.ts";

export interface Resource {
  /** Canonical URI; `aud` of its tokens. */
  readonly uri: string;
  /** What people call it: the service's name. */
  readonly name: string;
  /** Absent for the administration of the gateway itself. */
  readonly service?: string;
  /** Host with port as a `Host` header carries it, lower case. */
  readonly host: string;
  readonly path: string;
  /** Where its protected resource metadata is (RFC 9728 §3.1). */
  readonly metadataUri: string;
  /** What can be asked for here. */
  readonly scopes: readonly Scope[];
  /** That of them without which nothing can be done here. */
  readonly requiredScope: string;
}

/** An MCP endpoint. */
export interface ServiceResource extends Resource {
  readonly service: string;
}

export interface Resources {
  /** Every MCP endpoint. */
  readonly all: readonly ServiceResource[];
  /** The administration of the gateway; undefined while nobody may use it. */
  readonly admin: Resource | undefined;
  /** Its address, whether or not anybody may use it. */
  readonly adminUri: string;
  /**
   * The resource a client names in a `resource` parameter. One trailing slash and the case of scheme and host do not
   * count; everything else does (JavaScript clients append a slash). @returns undefined when we do not serve it
   */
  named(uri: string): Resource | undefined;
  /** The MCP endpoint at exactly this host and path (one trailing slash tolerated); undefined for anything else. */
  at(host: string, path: string): ServiceResource | undefined;
  /** What a client means that names none: our only resource, or the default service's (pre-2025-06-18 clients). */
  readonly fallback: ServiceResource | undefined;
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
    get admin() {
      return current.admin;
    },
    get adminUri() {
      return current.adminUri;
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
  const endpoints = endpointsOf(config);
  const all = endpoints.map(({ service, origin, path }): ServiceResource => ({
    uri: `${origin}${path}`,
    name: service,
    service,
    host: new URL(origin).host,
    path,
    metadataUri: `${origin}/.well-known/oauth-protected-resource${path}`,
    scopes: serviceScopes(config.services[service]),
    requiredScope: REQUIRED_SCOPE,
  }));
  const address = adminUri(config);
  const admin = hasAdmins(config) ? administration(address) : undefined;
  const named = admin ? [...all, admin] : all;

  const byUri = new Map<string, Resource>(named.map((entry) => [entry.uri, entry]));
  const byPlace = new Map(all.map((entry) => [`${entry.host} ${entry.path}`, entry]));
  return {
    all,
    admin,
    adminUri: address,
    named(uri) {
      const canonical = byUri.has(uri) ? uri : canonicalUri(uri);
      return canonical === undefined ? undefined : byUri.get(canonical);
    },
    at: (host, path) => byPlace.get(`${canonicalHost(host)} ${withoutSlash(path)}`),
    fallback: endpoints[0]?.isDefault === true ? all[0] : undefined,
    hosts: new Set([new URL(config.publicUrl).host, ...all.map((entry) => entry.host)]),
    scopeNames: new Set(named.flatMap(({ scopes }) => scopes.map(({ name }) => name))),
  };
}

function administration(uri: string): Resource {
  const { origin, host, pathname: path } = new URL(uri);
  return {
    uri,
    name: "the administration of this gateway",
    host,
    path,
    metadataUri: `${origin}/.well-known/oauth-protected-resource${path}`,
    scopes: ADMIN_SCOPES,
    requiredScope: ADMIN_SCOPE,
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

function withoutSlash(path: string): string {
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}
