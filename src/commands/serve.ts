import { BaseCommand } from "../command.ts";
import type { LoadedConfig } from "../config-file.ts";
import { describeSandbox } from "../terminal.ts";

export default class Serve extends BaseCommand {
  static override summary = "Run the gateway as mcp-gateway.yaml says.";
  static override description =
    "Logs to standard error, as JSON unless a person looks. When the file changes, or on SIGHUP, services come, go and change without a restart. SIGTERM or Ctrl-C ends it gracefully: requests in flight are answered, MCP sessions and their processes end, everything is written down.";
  static override examples = [
    "<%= config.bin %> serve",
    "<%= config.bin %> serve --config /etc/mcp-gateway/mcp-gateway.yaml",
    "<%= config.bin %> serve --json",
  ];

  async run(): Promise<void> {
    const { flags } = await this.parse(Serve);
    const { loadConfig, refuseUnsafe } = await import("../config-file.ts");
    const { requirePermissions } = await import("../config/granting.ts");
    const load = (): LoadedConfig => {
      const loaded = loadConfig({ file: flags.config });
      refuseUnsafe(loaded.config);
      requirePermissions(loaded.config, loaded.file);
      return loaded;
    };
    const { file, config } = load();
    const pretty = process.stderr.isTTY && !this.jsonEnabled();
    const { createLog } = await import("../log.ts");
    const log = await createLog({ level: config.log.level, pretty });
    const { startGateway } = await import("../server/gateway.ts");
    const gateway = await startGateway({
      config,
      log,
      version: this.config.version,
      source: { file, load: () => load().config },
    });
    const { url, endpoints } = gateway;
    await this.keepRunning(gateway, () => {
      if (this.jsonEnabled()) this.writeLine(JSON.stringify({ event: "ready", url, endpoints }));
      for (const { service, url: at, sandbox } of endpoints) {
        this.log(`${service}  ${at}  ${describeSandbox(sandbox)}`);
      }
    });
  }
}
