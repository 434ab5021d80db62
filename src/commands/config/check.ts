import { readFileSync } from "node:fs";
import { BaseCommand } from "../../command.ts";
import type { ConfigIssue } from "../../config-file.ts";
import { EXIT } from "../../errors.ts";
import { findConfigFile } from "../../paths.ts";

export default class ConfigCheck extends BaseCommand {
  static override summary = "Check the configuration file and name every mistake with its line.";
  static override examples = [
    "<%= config.bin %> config check",
    "<%= config.bin %> config check --config deploy/mcp-gateway.yaml --json",
  ];

  async run(): Promise<{ file: string; valid: boolean; issues: ConfigIssue[] }> {
    const { flags } = await this.parse(ConfigCheck);
    const { checkConfigText, loadConfig } = await import("../../config-file.ts");
    const named = flags.config ?? findConfigFile(process.cwd());
    if (this.jsonEnabled() && named !== undefined) {
      const { issues } = checkConfigText(readFileSync(named, "utf8"));
      if (issues.length > 0) process.exitCode = EXIT.usage;
      return { file: named, valid: issues.length === 0, issues };
    }
    const { file, config } = loadConfig({ file: flags.config });
    const services = Object.keys(config.services);
    this.log(
      `${file} is correct: ${services.length} service${services.length === 1 ? "" : "s"} (${services.join(", ")}) at ${config.publicUrl}`,
    );
    return { file, valid: true, issues: [] };
  }
}
