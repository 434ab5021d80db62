import { ControlCommand, type GatewayFlags } from "../../client/control-command.ts";
import { NO_PERMISSIONS, type Permissions } from "../../config/permissions.ts";
import type { ServiceStatus } from "../../control/services.ts";
import { EXIT, UserError } from "../../errors.ts";
import { findConfigFile } from "../../paths.ts";

interface ListedService {
  service: string;
  /** configured: the file has it, and no gateway knows of it. */
  state: ServiceStatus["state"] | "configured";
  era?: string;
  isolation?: string;
  permissions?: Permissions | "all";
  /** What confines its programs, where a gateway runs. */
  sandbox?: string;
  children: number[];
  urls: string[];
  reason?: string;
}

export default class ServiceList extends ControlCommand {
  static override summary = "List the MCP servers behind the gateway.";
  static override description =
    "Those of the running gateway, and those that mcp-gateway.yaml has besides.";
  static override examples = [
    "<%= config.bin %> service list",
    "<%= config.bin %> service list --json",
  ];

  async run(): Promise<ListedService[]> {
    const { flags } = await this.parse(ServiceList);
    const running = await this.#running(flags);
    const { loadConfig } = await import("../../config-file.ts");
    const isHere = this.namedGateway(flags) === undefined;
    const isFile = isHere && (flags.config ?? findConfigFile(process.cwd())) !== undefined;
    if (!isFile && running === undefined) loadConfig({ file: flags.config });
    const configured = isFile ? loadConfig({ file: flags.config }).config.services : {};
    const names = new Set([
      ...(running ?? []).map(({ service }) => service),
      ...Object.keys(configured),
    ]);
    const services = [...names].map((service): ListedService => {
      const entry = configured[service];
      const status = running?.find((one) => one.service === service);
      return {
        service,
        state: "configured",
        children: [],
        urls: [],
        ...(entry && { era: entry.era }),
        ...(entry && "isolation" in entry && { isolation: entry.isolation }),
        ...(entry && "command" in entry && { permissions: entry.permissions ?? NO_PERMISSIONS }),
        ...status,
      };
    });
    this.printTable(
      services.map((service) => ({
        service: service.service,
        state: service.state,
        children: service.children.join(" ") || "-",
        era: service.era ?? "-",
        isolation: service.isolation ?? "-",
        reaches: describe(service.permissions),
        "held by": service.sandbox ?? "-",
        url: service.urls[0] ?? "-",
      })),
      "No services.",
    );
    for (const { service, reason } of services) {
      if (reason !== undefined) this.tell(`${service} fails: ${reason}`);
    }
    return services;
  }

  /** @returns undefined when no gateway runs */
  async #running(flags: GatewayFlags): Promise<ServiceStatus[] | undefined> {
    try {
      return (await (await this.control(flags)).status()).services;
    } catch (error) {
      if (error instanceof UserError && error.exitCode === EXIT.notRunning) return undefined;
      throw error;
    }
  }
}

function describe(permissions: Permissions | "all" | undefined): string {
  if (permissions === undefined) return "-";
  if (permissions === "all") return "all";
  const { net, ...lists } = permissions;
  const words = Object.entries(lists).flatMap(([kind, list]) =>
    list.length > 0 ? [`${kind} ${list.join(",")}`] : [],
  );
  return [...words, ...(net ? ["net"] : [])].join("; ") || "nothing";
}
