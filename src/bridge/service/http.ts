/**
 * A service that is an MCP server elsewhere, spoken to over HTTP.
 */
import type { RemoteServiceConfig } from "../../config/service.ts";
import { UserError } from "../../errors.ts";
import type { ServiceFactory } from "./service-factory.ts";

export const createHttpService: ServiceFactory<RemoteServiceConfig> = (name) => {
  throw new UserError(`services.${name}: servers elsewhere cannot be reached yet`, {
    hint: "Start the server as a command of its own.",
  });
};
