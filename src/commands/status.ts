import { systemClock } from "../clock.ts";
import { ControlCommand } from "../client/control-command.ts";
import type { GatewayStatus } from "../control/answers.ts";
import { formatDuration } from "../duration.ts";

export default class Status extends ControlCommand {
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
        warm: `${service.warm?.length ?? 0}`,
        restarts: `${service.restarts ?? 0}`,
        sandbox: service.sandbox ?? "-",
        url: service.urls[0] ?? "",
      })),
      "No services.",
    );
    for (const { service, reason, retryAt = 0 } of status.services) {
      if (reason === undefined) continue;
      const wait = Math.max(0, retryAt - systemClock.now());
      const next = wait > 0 ? ` (not tried again for ${formatDuration(wait)})` : "";
      this.tell(`${service} fails: ${reason}${next}`);
    }
    return status;
  }
}
