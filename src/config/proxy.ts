/**
 * `proxy`: what is generated for Traefik in front of the gateway.
 */
import { z } from "zod";
import { isLoopbackHost, positive, secureUrl } from "./values.ts";

/** `:443` is every address of the machine; `[::1]:8082` one of them. */
const address = z
  .string()
  .regex(/^([\w.-]*|\[[0-9a-f:]+\]):\d{1,5}$/i, "write host:port, or :port for every address");

const hostName = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, "a lower-case host name, without port");

const addressRange = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()]);

/** Where something behind Traefik is: plain http is usual there, on a network of their own. */
export const innerUrl = z.url({ protocol: /^https?$/ }).refine((text) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return !url || (!url.username && !url.password && !url.hash && !url.search);
}, "must not carry credentials, a query or a fragment");

const acme = z
  .strictObject({
    email: z.email().describe("Where the certificate authority warns before a certificate ends."),
    caServer: z
      .union([z.enum(["production", "staging"]), secureUrl])
      .default("production")
      .describe(
        "Let's Encrypt: production, or staging for trials; or the directory URL of another authority.",
      ),
    challenge: z
      .enum(["tls-alpn-01", "http-01", "dns-01"])
      .default("tls-alpn-01")
      .describe(
        "How the names are proven: on port 443, on port 80, or in DNS. With dns-01 and subdomain routing one wildcard certificate serves all.",
      ),
    provider: z
      .string()
      .regex(/^[a-z0-9]+$/, "a provider's code at https://go-acme.github.io/lego/dns/")
      .optional()
      .describe(
        "Who hosts the DNS zone, for dns-01; its credentials are in Traefik's environment.",
      ),
    storage: z
      .string()
      .min(1)
      .default("/var/lib/traefik/acme.json")
      .describe("Where Traefik keeps certificates and their keys; a file of mode 0600."),
  })
  .refine(({ challenge, provider }) => challenge !== "dns-01" || provider !== undefined, {
    path: ["provider"],
    message: "dns-01 needs the provider that hosts the zone",
  });

export const proxy = z
  .strictObject({
    listen: z
      .strictObject({
        http: address.default(":80").describe("Plain http: leads to https, and answers http-01."),
        https: address.default(":443").describe("Where everybody comes in."),
        internal: address
          .refine((text) => isLoopbackHost(text.replace(/:\d+$/, "")), "must be on loopback")
          .default("127.0.0.1:8082")
          .describe("Traefik's own: /ping, and its API if `proxy.api` is on."),
      })
      .prefault({})
      .describe("Where Traefik listens."),
    directory: z
      .string()
      .startsWith("/", "write an absolute path")
      .default("/etc/traefik")
      .describe("Where Traefik finds the generated files, as it sees them."),
    gateways: z
      .array(innerUrl)
      .min(1)
      .optional()
      .describe("Where Traefik reaches the gateway, each replica; by default where `listen` is."),
    provider: z
      .enum(["file", "http"])
      .default("file")
      .describe(
        "How Traefik learns of services: from the generated file, or from the gateway's `listen.internal` as they come and go.",
      ),
    acme: acme.optional().describe("Certificates from a certificate authority (RFC 8555)."),
    certificates: z
      .array(
        z.strictObject({
          certFile: z.string().min(1).describe("PEM, with its chain."),
          keyFile: z.string().min(1).describe("PEM of its private key."),
        }),
      )
      .default([])
      .describe("Certificates of your own, as Traefik sees the files."),
    trustedIPs: z
      .array(addressRange)
      .default([])
      .describe("Load balancers in front of Traefik; of them alone it believes X-Forwarded-*."),
    rateLimit: z
      .strictObject({
        average: positive.default(50).describe("Requests per second, over time."),
        burst: positive.default(200).describe("At once."),
      })
      .prefault({})
      .describe(
        "Bound of one source address at everything but MCP endpoints, whose hosted clients share few addresses.",
      ),
    admin: z
      .boolean()
      .default(true)
      .describe(
        "Whether /admin, the remote administration, can be reached from outside where identity.admins names somebody.",
      ),
    api: z.boolean().default(false).describe("Traefik's read-only API on `proxy.listen.internal`."),
    dashboard: z
      .strictObject({
        host: hostName.describe("A host name of its own."),
        usersFile: z
          .string()
          .min(1)
          .describe("Who may see it: lines of htpasswd, as Traefik sees the file."),
      })
      .optional()
      .describe("Traefik's dashboard over https, with a password; absent: off."),
    accessLog: z
      .boolean()
      .default(true)
      .describe("One JSON line per request, without headers and queries, which carry secrets."),
  })
  .prefault({});
