/**
 * The kinds of reverse proxy that configuration can be written for, by the names they have on the command line.
 */
import type { Render } from "./target.ts";

export const TARGETS: Readonly<Record<string, () => Promise<Render>>> = {
  traefik: async () => (await import("./traefik/render.ts")).renderTraefik,
  caddy: async () => (await import("./caddy.ts")).renderCaddy,
  nginx: async () => (await import("./nginx/render.ts")).renderNginx,
};
