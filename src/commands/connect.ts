import { Args, Flags } from "@oclif/core";
import { BaseCommand } from "../command.ts";
import { headersOf } from "../client/header-flags.ts";
import { resolveSecret } from "../secret.ts";

const many = { multiple: true, multipleNonGreedy: true } as const;

export default class Connect extends BaseCommand {
  static override summary = "Reach a remote MCP server from a host that only starts programs.";
  static override description =
    "Speaks JSON-RPC on standard input and output, Streamable HTTP or SSE to the server, and logs in where the server asks for it (OAuth). Tokens are kept, renewed, and shared by all programs of this user. Write it into the host's configuration as the command of a server.";
  static override examples = [
    "<%= config.bin %> connect https://gw.example.com/files/mcp",
    "<%= config.bin %> connect https://mcp.example.com/mcp --device",
    "<%= config.bin %> connect https://mcp.example.com/mcp --header-env 'Authorization=API_AUTHORIZATION'",
    "<%= config.bin %> connect https://gw.example.com/files/mcp --grant client-credentials --client-id ci --client-secret-file ci.secret",
    "<%= config.bin %> connect https://gw.example.com/files/mcp --logout",
  ];
  static override enableJsonFlag = false;
  static override args = {
    url: Args.string({ required: true, description: "MCP endpoint of the server." }),
  };
  static override flags = {
    header: Flags.string({
      ...many,
      helpValue: "'NAME: VALUE'",
      summary: "Header of every request; other users of this machine can see it.",
    }),
    "header-env": Flags.string({
      ...many,
      helpValue: "NAME=VARIABLE",
      summary: "Header whose value is in an environment variable.",
    }),
    transport: Flags.option({
      options: ["auto", "streamable-http", "sse"] as const,
      default: "auto",
      summary: "How the server is spoken to; sse is the transport of 2024-11-05.",
    })(),
    device: Flags.boolean({ summary: "Log in by a code, in a browser on any device." }),
    "no-browser": Flags.boolean({ summary: "Only show the address to log in at." }),
    grant: Flags.option({
      options: ["client-credentials"] as const,
      exclusive: ["device"],
      dependsOn: ["client-id", "client-secret-file"],
      summary: "Log in as the program itself, without a person.",
    })(),
    "client-id": Flags.string({ summary: "A client the server knows; else one is registered." }),
    "client-secret-file": Flags.string({
      helpValue: "FILE",
      dependsOn: ["client-id"],
      summary: "Where its secret is.",
    }),
    scope: Flags.string({ summary: "Scopes to ask for, separated by spaces; else the server's." }),
    account: Flags.string({
      default: "",
      summary: "A name of your own, to keep several logins at one server apart.",
    }),
    "callback-port": Flags.integer({
      min: 0,
      max: 65_535,
      default: 0,
      summary: "Port the browser comes back to; 0 takes a free one.",
    }),
    "allow-http": Flags.boolean({ summary: "Allow plain http elsewhere than on this machine." }),
    logout: Flags.boolean({
      aliases: ["clear"],
      summary: "Take the tokens back, forget the login, and end.",
    }),
    verbose: Flags.boolean({ summary: "Tell every step on standard error." }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Connect);
    const secretFile = flags["client-secret-file"];
    const options = {
      ...flags,
      url: args.url,
      headers: headersOf(flags.header, flags["header-env"]),
      allowHttp: flags["allow-http"],
      grant: flags.grant ?? (flags.device ? ("device" as const) : ("browser" as const)),
      clientId: flags["client-id"],
      clientSecret: secretFile && resolveSecret({ file: secretFile }, "--client-secret-file"),
      callbackPort: flags["callback-port"],
      mayOpenBrowser: !flags["no-browser"],
      tell: (text: string) => this.tell(text),
    };
    const { connect, disconnect } = await import("../client/connect.ts");
    if (flags.logout) return disconnect(options);
    const stop = new AbortController();
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => stop.abort());
    const { stdin: input, stdout: output } = process;
    await connect(options, { input, output, signal: stop.signal });
    input.destroy();
  }
}
