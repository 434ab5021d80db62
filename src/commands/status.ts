import { BaseCommand } from "../command.ts";
import type { GatewayStatus } from "../control.ts";
import { formatDuration } from "../duration.ts";

export default class Status extends BaseCommand {
  static override summary = "Show whether the gateway runs and what is alive in it.";
  static override examples = [
    "<%= config.bin %> status",
    "<%= config.bin %> status --json",
    "<%= config.bin %> status --config /etc/mcp-gateway/mcp-gateway.yaml",
  ];

  async run(): Promise<GatewayStatus> {
    const { flags } = await this.parse(Status);
    const control = await this.control(flags);
    const status = await control.status();
    this.printFields({
      url: status.url,
      running: `for ${formatDuration(status.uptime)}, process ${status.pid}`,
      version: status.version,
      clients: `${status.clients}`,
      grants: `${status.grants}`,
      "access tokens": `${status.accessTokens}`,
      sessions: `${status.sessions}`,
    });
    this.log();
    this.printTable(
      status.services.map((service) => ({
        service: service.service,
        state: service.state,
        children: service.children.join(" ") || "-",
        sandbox: service.sandbox ?? "-",
        url: service.urls[0] ?? "",
      })),
      "No services.",
    );
    for (const { service, reason } of status.services) {
      if (reason !== undefined) this.tell(`${service} fails: ${reason}`);
    }
    return status;
  }
}
