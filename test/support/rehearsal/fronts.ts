/**
 * The reverse proxies that a deployment may have in front, each started as its operator would: with the rendered files alone.
 */
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ConfigInput } from "../../../src/config.ts";
import { traefikProgram } from "../traefik.ts";
import type { Authority } from "./certificates.ts";
import type { Network, Running } from "./network.ts";

interface Place {
  readonly host: Network["hosts"][string];
  /** Of the rendered files. */
  readonly folder: string;
  /** Who vouches for the ACME server; and for the hosts, where the proxy asks for no certificates. */
  readonly authority: Authority;
}

export interface Front {
  readonly running: Running;
  /** Everything it wrote so far. */
  log(): string;
}

interface Kind {
  /** What the configuration says for it. */
  configure(place: Place, hosts: readonly string[]): ConfigInput["proxy"];
  start(place: Place): Front;
}

export type FrontName = "traefik" | "caddy" | "nginx";

export const FRONTS: Record<FrontName, Kind> = {
  traefik: {
    configure: ({ folder }) => ({ directory: folder, api: true }),
    start({ host, folder, authority }) {
      const running = host.start(
        traefikProgram(),
        [`--configFile=${join(folder, "traefik.yaml")}`],
        { env: { LEGO_CA_CERTIFICATES: authority.file } },
      );
      return { running, log: () => running.output() };
    },
  },
  caddy: {
    configure: () => ({}),
    start({ host, folder, authority }) {
      const home = join(folder, "home");
      const env = { SSL_CERT_FILE: authority.file, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home };
      const running = host.start("caddy", ["run", "--config", join(folder, "Caddyfile")], { env });
      return { running, log: () => running.output() };
    },
  },
  nginx: {
    configure({ authority }, [name = "", ...names]) {
      return { acme: undefined, certificates: [authority.certify(name, ...names)] };
    },
    start({ host, folder }) {
      const logs = join(folder, "logs");
      mkdirSync(logs);
      const main = join(folder, "nginx.conf");
      writeFileSync(
        main,
        `daemon off; pid ${folder}/pid; error_log stderr notice; events {} http { include ${folder}/mcp-gateway.conf; }`,
      );
      // A program on a host has mounts of its own, so its usual places can be other ones.
      const there = `mount --bind ${logs} /var/log/nginx && exec nginx -c ${main}`;
      const running = host.start("sh", ["-c", there]);
      const written = (): string[] =>
        readdirSync(logs).map((name) => readFileSync(join(logs, name), "utf8"));
      return { running, log: () => [running.output(), ...written()].join("\n") };
    },
  },
};
