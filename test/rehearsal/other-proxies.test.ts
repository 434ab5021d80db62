import { rehearse } from "./contract.ts";

rehearse("Caddy, path routing, one gateway on files, certificates by HTTP-01", {
  proxy: "caddy",
  routing: "path",
  challenge: "http-01",
  provider: "file",
  gateways: 1,
});

rehearse("nginx, subdomain routing, two gateways on Redis, a certificate of its own", {
  proxy: "nginx",
  routing: "subdomain",
  challenge: "http-01",
  provider: "file",
  gateways: 2,
});
