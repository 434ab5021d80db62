import { Flags } from "@oclif/core";
import { BaseCommand } from "../command.ts";
import type { DevFlags } from "../config/dev-config.ts";
import { permissionFlags } from "../config/permission-flags.ts";
import { findConfigFile } from "../paths.ts";
import { formatGuide } from "../terminal.ts";
import type { OpenTunnel } from "../tunnel/open.ts";

export default class Dev extends BaseCommand {
  static override summary =
    "Put a gateway in front of an MCP server on this machine; nothing to set up.";
  static override description =
    "What stands after -- is started as the only service; without it the services of mcp-gateway.yaml are. Whoever sits at this machine logs in with one button; with --host or --public-url the login asks for a code that is printed here. A command typed here may do what you may, unless a permission flag says less; a service of the file what its permissions say.";
  static override usage = "dev [FLAGS] [-- COMMAND...]";
  static override examples = [
    "<%= config.bin %> dev -- npx -y @modelcontextprotocol/server-everything",
    "<%= config.bin %> dev --port 9000 --name files -- npx -y @modelcontextprotocol/server-filesystem .",
    "<%= config.bin %> dev --allow-net --allow-read=. -- npx -y @modelcontextprotocol/server-filesystem .",
    "<%= config.bin %> dev --config mcp-gateway.yaml",
    "<%= config.bin %> dev --tunnel 'ssh://me@vps.example.com?remote=9000&url=https://dev.example.com' -- node server.js",
  ];
  static override strict = false;
  static override flags = {
    port: Flags.integer({
      min: 0,
      max: 65_535,
      default: 8080,
      summary: "Port to listen on; 0 takes a free one.",
    }),
    host: Flags.string({ default: "localhost", summary: "Address to listen on." }),
    name: Flags.string({
      summary: "Name of the service, the first part of its path; else made from the command.",
    }),
    "public-url": Flags.string({
      helpValue: "URL",
      summary: "Where clients reach it, when that is not here (a proxy or tunnel in front).",
    }),
    tunnel: Flags.string({
      helpValue: "WAY",
      exclusive: ["public-url"],
      summary: "Give it a public address: ssh://HOST?url=URL, ngrok, cloudflared, or url=URL.",
    }),
    verbose: Flags.boolean({ summary: "Log every request." }),
    ...permissionFlags,
  };

  async run(): Promise<void> {
    const { argv, flags: given } = await this.parse(Dev);
    const command = this.commandAfterHyphens(argv, "dev");
    const { tunnel: way } = given;
    if (way === undefined) return this.serve(command, given);
    const { withTunnel } = await import("../tunnel/open.ts");
    await withTunnel(way, given, this.tell.bind(this), (tunnel) =>
      this.serve(command, { ...given, ...tunnel.flags }, tunnel),
    );
  }

  private async serve(
    command: string[],
    flags: DevFlags & { verbose: boolean },
    tunnel?: OpenTunnel,
  ): Promise<void> {
    const { devConfig } = await import("../config/dev-config.ts");
    const person = { ask: this.ask.bind(this), tell: this.tell.bind(this) };
    const config = await devConfig(command, flags, this.isInteractive() ? person : undefined);
    const { createLog } = await import("../log.ts");
    const log = await createLog({
      level: flags.verbose ? "info" : "warn",
      pretty: process.stderr.isTTY && !this.jsonEnabled(),
    });
    const file = command.length > 0 ? undefined : (flags.config ?? findConfigFile(process.cwd()));
    const { startGateway } = await import("../server/gateway.ts");
    const gateway = await startGateway({
      config,
      log,
      version: this.config.version,
      isTunnelled: tunnel !== undefined,
      ...(file !== undefined && {
        source: { file, load: () => devConfig([], flags, undefined) },
      }),
      announce: (code) => this.tell(`One-time login code: ${this.paintError("bold", code)}`),
    });
    const { url, endpoints } = gateway;
    const { isLoopbackHost } = await import("../config.ts");
    const isLocal = !tunnel && isLoopbackHost(flags.host) && isLoopbackHost(new URL(url).hostname);
    const sayReady = (): void => {
      if (this.jsonEnabled()) this.writeLine(JSON.stringify({ event: "ready", url, endpoints }));
      else this.log(formatGuide({ version: this.config.version, endpoints, isLocal }, this.paint));
    };
    if (tunnel) await tunnel.stand(gateway, () => this.keepRunning(gateway, sayReady));
    else await this.keepRunning(gateway, sayReady);
  }
}
