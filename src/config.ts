// At most 400 lines: one schema is the source of types, defaults, messages, the JSON Schema and the README's table.
/**
 * The configuration, `mcp-gateway.yaml`. Every member's description is what people read in their editor, in
 * `mcp-gateway config schema` and in the README.
 */
import { z } from "zod";
import { credentialProblems } from "./config/credentials.ts";
import { identity, identityProblems } from "./config/identity.ts";
import { proxy } from "./config/proxy.ts";
import { service } from "./config/service.ts";
import { trustedIssuers } from "./config/trusted-issuers.ts";
import { duration, positive, secretReference, secureUrl, size } from "./config/values.ts";

export { isLoopbackHost } from "./config/values.ts";

const publicUrl = secureUrl
  .refine((text) => !text.endsWith("/"), "must not end in a slash")
  .refine(
    (text) =>
      !URL.canParse(text) || new URL(text).href.replace(/\/$/, "") === text.replace(/\/$/, ""),
    "must be written as browsers write it: lower-case host, no default port, no .. in the path",
  );

const serviceName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "lower-case letters, digits and hyphens, at most 63")
  .refine((name) => !RESERVED_NAMES.has(name), "is the name of one of the gateway's own paths");

/** First path segments that belong to the gateway; a service may not hide them. */
export const RESERVED_NAMES: ReadonlySet<string> = new Set([
  "account", "admin", "authorize", "callback", "consent", "credentials", "device", "device_authorization", "healthz",
  "introspect", "invitation", "login", "logout", "mcp", "metrics", "par", "readyz", "register", "revoke", "token", "verify",
]); // prettier-ignore

const redisStore = z.strictObject({
  type: z.literal("redis").describe("A Redis server, for any number of gateways at once."),
  url: z
    .string()
    .regex(
      /^(\$\{[A-Za-z_]\w*\}|rediss?:\/\/(?![^/]*:[^/]*@)\S+)$/,
      "write ${REDIS_URL}, or a redis:// or rediss:// URL without a password",
    )
    .describe("Where it is: ${NAME} of an environment variable, or a URL without a password."),
  prefix: z
    .string()
    .regex(/^[\w.:-]{1,64}$/, "letters, digits and _ . : - only, at most 64")
    .default("mcp-gateway")
    .describe("How its keys and channels begin; gateways with the same one share everything."),
  path: z
    .string()
    .min(1)
    .default(".mcp-gateway")
    .describe("The state directory, for the control socket and the audit log."),
});

/** RFC 3986 §3.1. Those a browser or an operating system gives a meaning of its own never lead back to a client. */
const redirectScheme = z
  .string()
  .regex(/^[a-z][a-z0-9+-]{1,62}$/, "lower-case letters, digits, + and -, at least two characters")
  .refine((scheme) => !FORBIDDEN_SCHEMES.has(scheme), "never leads back to a client");

const FORBIDDEN_SCHEMES: ReadonlySet<string> = new Set([
  "about", "blob", "content", "data", "file", "filesystem", "ftp", "http", "https", "intent", "jar", "javascript",
  "mailto", "resource", "sms", "ssh", "tel", "urn", "vbscript", "view-source", "ws", "wss",
]); // prettier-ignore

const rates = z
  .strictObject({
    registrations: positive.default(200).describe("New clients from one source address."),
    authorizations: positive
      .default(120)
      .describe("Logins begun for one client from one source address; for all clients, ten times."),
    logins: positive
      .default(60)
      .describe("Visits to an identity provider from one source address."),
    documents: positive
      .default(60)
      .describe(
        "Metadata documents of clients not known yet, asked for from one source address or of one host.",
      ),
    failures: positive
      .default(60)
      .describe(
        "Refused token, revocation and similar requests of one client from one source address; of all clients, ten times.",
      ),
    lookups: positive
      .default(600)
      .describe("Introspections of tokens that are not valid, by one client."),
  })
  .prefault({});

export const configSchema = z
  .strictObject({
    $schema: z.string().optional().describe("For editors."),
    publicUrl: publicUrl.describe(
      "Address people and clients use; the issuer of all tokens. https, or http on loopback. No trailing slash.",
    ),
    routing: z
      .enum(["path", "subdomain"])
      .default("path")
      .describe("path: <publicUrl>/<service>/mcp. subdomain: https://<service>.<host>/mcp."),
    defaultService: serviceName
      .optional()
      .describe("The service that is also reachable at <publicUrl>/mcp."),
    listen: z
      .strictObject({
        host: z.string().min(1).default("127.0.0.1").describe("Address to listen on."),
        port: z.int().min(0).max(65_535).default(8080).describe("Port; 0 takes a free one."),
        internal: z
          .strictObject({
            host: z.string().min(1).default("127.0.0.1").describe("Address to listen on."),
            port: z.int().min(0).max(65_535).describe("Port; 0 takes a free one."),
          })
          .optional()
          .describe("Where the reverse proxy alone asks, in the clear: its own configuration."),
      })
      .prefault({})
      .describe("Where the gateway itself listens, usually behind a reverse proxy."),
    proxy: proxy.describe("What is generated for the reverse proxy in front."),
    trustedProxies: z
      .array(z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()]))
      .default(["127.0.0.1", "::1"])
      .describe("Peers that may ask /verify; their X-Forwarded-* headers are believed."),
    dpop: z
      .strictObject({
        nonce: z
          .enum(["offered", "required"])
          .default("offered")
          .describe(
            "Whether every DPoP proof must carry a nonce of the gateway's (RFC 9449 §8), or only may.",
          ),
      })
      .prefault({})
      .describe("Tokens that are bound to a client's key; only for clients that ask for it."),
    allowedOrigins: z
      .array(secureUrl)
      .default(["https://claude.ai", "https://chatgpt.com"])
      .describe(
        "Web origins whose pages may call MCP endpoints, besides the gateway's own and loopback; others get 403.",
      ),
    identity,
    store: z
      .discriminatedUnion("type", [
        z.strictObject({
          type: z.literal("lowdb").describe("One process, one machine, no other program needed."),
          path: z.string().min(1).default(".mcp-gateway").describe("The state directory."),
        }),
        redisStore,
      ])
      .prefault({ type: "lowdb" })
      .describe("Where clients, grants and keys are kept."),
    trustedIssuers: trustedIssuers(secureUrl),
    registration: z
      .strictObject({
        dynamic: z
          .boolean()
          .default(true)
          .describe("Whether clients may register themselves (RFC 7591)."),
        redirectSchemes: z
          .array(redirectScheme)
          .default([])
          .describe("Private-use redirect schemes without a dot, besides those of known clients."),
        metadataDocuments: z
          .strictObject({
            policy: z
              .enum(["open", "listed", "off"])
              .default("open")
              .describe(
                "Clients whose id is the URL of their own metadata: open takes any, listed those of hosts, off none.",
              ),
            hosts: z
              .array(
                z
                  .string()
                  .regex(/^[a-z0-9.-]+(:\d{1,5})?$/, "a lower-case host, with its port unless 443"),
              )
              .default([])
              .describe(
                "Hosts whose documents are taken under the policy listed, such as claude.ai.",
              ),
          })
          .refine(
            ({ policy, hosts }) => policy !== "listed" || hosts.length > 0,
            "the policy listed needs hosts",
          )
          .prefault({})
          .describe("Client ID Metadata Documents."),
        unusedClient: duration
          .prefault("24h")
          .describe(
            "A client that registered itself and never got a token is forgotten after this.",
          ),
        idleClient: duration
          .prefault("90d")
          .describe(
            "A client that registered itself is forgotten this long after its last token, or once all its tokens have ended if that is later.",
          ),
        clients: positive
          .default(10_000)
          .describe("Clients in total; beyond it those that never got a token go, oldest first."),
      })
      .prefault({})
      .describe("How clients become known."),
    tokens: z
      .strictObject({
        accessToken: duration.prefault("1h").describe("Life of an access token."),
        refreshToken: duration
          .prefault("30d")
          .describe("Life of a refresh token that is not used."),
        refreshGrace: duration
          .prefault("30s")
          .describe(
            "How long, from its first use, a rotated refresh token still yields its successor.",
          ),
        authorizationCode: duration
          .refine((seconds) => seconds <= 600, "at most 10m (RFC 6749 §4.1.2)")
          .prefault("60s")
          .describe("Life of an authorization code."),
        grant: duration
          .prefault("180d")
          .describe("Life of a grant, however often it is refreshed."),
      })
      .prefault({})
      .describe("Lifetimes."),
    keys: z
      .strictObject({
        rotation: duration
          .refine((seconds) => seconds >= 3600, "at least 1h")
          .prefault("90d")
          .describe(
            "Age at which the key that signs access tokens is replaced; its successor is published 15 minutes before.",
          ),
        encryption: z
          .union([secretReference, z.array(secretReference).min(1).max(4)])
          .optional()
          .describe(
            "Secret that encrypts private keys and people's credentials in the store: ${NAME} or { file }. A list to change it: the new one first, then the old one.",
          ),
      })
      .prefault({})
      .describe("The keys that sign access tokens."),
    limits: z
      .strictObject({
        requestBody: size.prefault("4mb").describe("Largest MCP message from a client."),
        sessions: positive.default(1000).describe("MCP sessions in total."),
        sessionsPerUser: positive.default(50).describe("MCP sessions of one person."),
        sessionIdle: duration
          .prefault("30m")
          .describe("A session without traffic ends after this."),
        sessionLifetime: duration
          .prefault("24h")
          .describe("A session ends after this in any case."),
        pendingInput: duration
          .prefault("10m")
          .describe("How long a call that asked its user something waits for the answer."),
        requestLifetime: duration
          .prefault("1h")
          .describe("A request ends after this even if it shows progress."),
        pendingLogins: positive
          .default(20_000)
          .describe("Logins begun and not finished; with one more the oldest is forgotten."),
        rates: rates.describe(
          "How often, within a minute. Successful requests of a client are never refused because others fail.",
        ),
      })
      .prefault({})
      .describe("Bounds that protect the machine."),
    services: z
      .record(serviceName, service)
      .refine((services) => Object.keys(services).length > 0, "name at least one service")
      .describe(
        "The MCP servers, by name; the shape of mcpServers, so existing entries can be pasted.",
      ),
    log: z
      .strictObject({
        level: z
          .enum(["trace", "debug", "info", "warn", "error", "silent"])
          .default("info")
          .describe("Least severe level that is written."),
      })
      .prefault({})
      .describe("The log on standard error."),
  })
  .superRefine((config, context) => {
    if (config.defaultService !== undefined && !(config.defaultService in config.services)) {
      context.addIssue({
        code: "custom",
        path: ["defaultService"],
        message: `"${config.defaultService}" is not among the services`,
      });
    }
    const issuers = config.trustedIssuers.map(({ issuer }) => issuer);
    if (new Set(issuers).size !== issuers.length) {
      context.addIssue({ code: "custom", path: ["trustedIssuers"], message: "one is there twice" });
    }
    // Both begin subjects: who shares a name could speak for the other's people.
    const names = [...config.identity.providers, ...config.trustedIssuers].map(({ name }) => name);
    if (new Set(names).size !== names.length) {
      context.addIssue({
        code: "custom",
        path: ["identity", "providers"],
        message: "two providers share a name; give one of them another",
      });
    }
    for (const problem of [...identityProblems(config), ...credentialProblems(config)]) {
      context.addIssue({ code: "custom", ...problem });
    }
  });

/** The configuration after defaults: durations in seconds, sizes in bytes. */
export type Config = z.output<typeof configSchema>;
/** The configuration as people write it. */
export type ConfigInput = z.input<typeof configSchema>;
export type ServiceConfig = Config["services"][string];
export type IdentityProviderConfig = Config["identity"]["providers"][number];
export type StoreConfig = Config["store"];

/** JSON Schema (draft 2020-12) of the file as people write it, for editors. */
export function configJsonSchema(): Record<string, unknown> {
  return {
    ...z.toJSONSchema(configSchema, { io: "input", unrepresentable: "any" }),
    title: "mcp-gateway.yaml",
  };
}
