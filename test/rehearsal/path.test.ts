import { rehearse } from "./contract.ts";

rehearse("path routing, one gateway on files, certificates by TLS-ALPN-01", {
  proxy: "traefik",
  routing: "path",
  challenge: "tls-alpn-01",
  provider: "file",
  gateways: 1,
});
