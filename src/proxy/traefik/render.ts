/**
 * The files that Traefik starts with.
 */
import { stringify } from "yaml";
import type { Config } from "../../config.ts";
import { planProxy } from "../plan.ts";
import { HEAD, type RenderedFile } from "../target.ts";
import { dynamicConfiguration } from "./dynamic.ts";
import { DYNAMIC_FILE, STATIC_FILE, staticConfiguration } from "./static.ts";

/** @returns the static file, and the dynamic one unless Traefik asks the gateway for it @throws UserError */
export function renderTraefik(config: Config): RenderedFile[] {
  const plan = planProxy(config);
  const file = (path: string, content: object): RenderedFile => ({
    path,
    text: HEAD + stringify(content, { lineWidth: 0, aliasDuplicateObjects: false }),
  });
  const files = [file(STATIC_FILE, staticConfiguration(config, plan))];
  if (config.proxy.provider === "file") {
    files.push(file(DYNAMIC_FILE, dynamicConfiguration(config, plan)));
  }
  return files;
}
