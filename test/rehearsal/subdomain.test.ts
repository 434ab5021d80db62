import { rehearse } from "./contract.ts";

rehearse("subdomain routing, two gateways on Redis, routes by HTTP, certificates by HTTP-01", {
  proxy: "traefik",
  routing: "subdomain",
  challenge: "http-01",
  provider: "http",
  gateways: 2,
});
