import { Flags } from "@oclif/core";
import type { AddressInfo } from "node:net";
import { systemClock } from "../clock.ts";
import { BaseCommand } from "../command.ts";

export default class EchoServer extends BaseCommand {
  static override hidden = true;
  static override summary = "An MCP server that shows what reaches it.";
  static override description =
    "For looking at what a gateway passes on: tools show the session, the metadata, the names of environment variables and, with --http, headers and identity. On standard input and output unless told otherwise; with --http on loopback, for a service with a url.";
  static override examples = [
    "<%= config.bin %> dev -- mcp-gateway echo",
    "<%= config.bin %> echo --http 9000",
    "<%= config.bin %> echo --http 9000 --stateless",
  ];
  static override flags = {
    http: Flags.integer({
      min: 0,
      max: 65_535,
      helpValue: "PORT",
      summary: "Speak Streamable HTTP on this port of 127.0.0.1; 0 takes a free one.",
    }),
    stateless: Flags.boolean({ summary: "Remember nothing from one request to the next." }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(EchoServer);
    const { createEcho } = await import("../echo/echo.ts");
    const echo = createEcho({
      version: this.config.version,
      clock: systemClock,
      isStateless: flags.stateless,
    });
    if (flags.http === undefined) {
      const { serveStdio } = await import("../echo/stdio.ts");
      return await serveStdio(echo, process.stdin, process.stdout);
    }
    const { serveHttp } = await import("../echo/http.ts");
    const server = await serveHttp(echo, flags.http);
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
    const stop = async (): Promise<void> => {
      server.closeAllConnections();
      server.close();
    };
    await this.keepRunning({ stop }, () =>
      this.writeLine(this.jsonEnabled() ? JSON.stringify({ event: "ready", url }) : url),
    );
  }
}
