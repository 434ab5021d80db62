/**
 * The internal listener, `listen.internal`: what the reverse proxy asks for itself. Traefik's HTTP provider reads its dynamic
 * configuration here, so that services come and go in it as they do in the gateway. There is no secret in it.
 */
import type { Config } from "../config.ts";
import { planProxy } from "../proxy/plan.ts";
import { dynamicConfiguration } from "../proxy/traefik/dynamic.ts";
import { PROVIDER_PATH } from "../proxy/traefik/static.ts";
import type { RequestListener } from "./app.ts";
import { sendJson } from "./http.ts";

/** @param config always the one in force */
export function createInternalListener(config: Config): RequestListener {
  return (request, response) => {
    if (request.url !== PROVIDER_PATH) return sendJson(response, 404, { error: "not_found" });
    if (request.method !== "GET") {
      response.setHeader("Allow", "GET");
      return sendJson(response, 405, { error: "method_not_allowed" });
    }
    sendJson(response, 200, dynamicConfiguration(config, planProxy(config)));
  };
}
