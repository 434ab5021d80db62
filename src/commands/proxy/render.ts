import { Flags } from "@oclif/core";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { BaseCommand } from "../../command.ts";
import { EXIT } from "../../errors.ts";
import { TARGETS } from "../../proxy/targets.ts";

interface Rendered {
  file: string;
  /** What was on disk before, compared with what belongs there. */
  state: "same" | "missing" | "different";
}

export default class ProxyRender extends BaseCommand {
  static override summary = "Write the reverse proxy's configuration from mcp-gateway.yaml.";
  static override description =
    "The files begin with a line that says where they come from; what is changed in them by hand is lost. With --check nothing is written, and the exit code is 1 when the files are not as they should be.";
  static override examples = [
    "<%= config.bin %> proxy render --out /etc/traefik",
    "<%= config.bin %> proxy render --out /etc/traefik --check",
    "<%= config.bin %> proxy render --target caddy --out /etc/caddy",
    "<%= config.bin %> proxy render --target nginx --out /etc/nginx/conf.d",
  ];
  static override flags = {
    target: Flags.string({
      options: Object.keys(TARGETS),
      default: "traefik",
      description: "which reverse proxy",
    }),
    out: Flags.string({ description: "folder for the files; by default the target's name" }),
    check: Flags.boolean({ description: "compare with the files instead of writing them" }),
  };

  async run(): Promise<Rendered[]> {
    const { flags } = await this.parse(ProxyRender);
    const { loadConfig } = await import("../../config-file.ts");
    const { config } = loadConfig({ file: flags.config });
    const render = await TARGETS[flags.target]!();
    const rendered = render(config).map(({ path, text }): Rendered => {
      const file = join(flags.out ?? flags.target, path);
      const before = existsSync(file) ? readFileSync(file, "utf8") : undefined;
      const state = before === text ? "same" : before === undefined ? "missing" : "different";
      if (!flags.check && state !== "same") {
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, text);
      }
      return { file, state };
    });
    for (const { file, state } of rendered) {
      this.log(`${file}  ${flags.check ? state : state === "same" ? "as before" : "written"}`);
    }
    const { acme, certificates } = config.proxy;
    if (config.publicUrl.startsWith("https:") && acme === undefined && certificates.length === 0) {
      this.tell("No certificate is configured: set proxy.acme, or proxy.certificates.");
    }
    if (flags.check && rendered.some(({ state }) => state !== "same")) {
      process.exitCode = EXIT.failed;
    }
    return rendered;
  }
}
