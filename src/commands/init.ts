import { Args, Flags } from "@oclif/core";
import { join } from "node:path";
import { BaseCommand } from "../command.ts";
import type { InitResult } from "../scaffold/init.ts";

const words = (helpValue: string, summary: string) =>
  Flags.string({ multiple: true, multipleNonGreedy: true, helpValue, summary });

export default class Init extends BaseCommand {
  static override summary =
    "Make a deployment: configuration, secrets, reverse proxy and what runs them.";
  static override description =
    "Asks what it has to know; every answer is also a flag. Run again, it changes nothing that somebody edited: it shows what would differ and leaves it alone.";
  static override examples = [
    "<%= config.bin %> init gateway",
    '<%= config.bin %> init --yes --domain gw.example.com --allow "*@example.com"',
    "<%= config.bin %> init --domain gw.example.com --identity google --allow ada@example.com --service echo --store redis",
    "<%= config.bin %> init --from ~/.cursor/mcp.json --target systemd",
    "<%= config.bin %> init --dry-run --store redis",
  ];
  static override args = {
    dir: Args.string({ default: ".", description: "Folder of the deployment." }),
  };
  static override flags = {
    domain: Flags.string({ helpValue: "NAME", summary: "Name people and clients use." }),
    identity: Flags.string({
      helpValue: "PROVIDER",
      summary:
        "github, google, gitlab, accounts, or the URL of an OpenID issuer; its client ID may follow.",
    }),
    allow: words("RULE", "Who may come in: @login, github-org:acme, *@example.com."),
    service: words(
      "SERVICE",
      "Server of the catalogue with its parameters, NAME=COMMAND or NAME=URL.",
    ),
    store: Flags.string({ helpValue: "STORE", summary: "lowdb or redis." }),
    target: Flags.string({ helpValue: "TARGET", summary: "Where it runs, such as compose." }),
    routing: Flags.option({ options: ["path", "subdomain"] as const })({
      summary: "Where services are: below the domain, or each at a name of its own.",
    }),
    email: Flags.string({
      helpValue: "ADDRESS",
      summary: "Where the certificate authority writes to; else hostmaster at the domain.",
    }),
    from: Flags.string({
      helpValue: "FILE",
      summary: "Take over the servers of an mcpServers file.",
    }),
    "dry-run": Flags.boolean({
      summary: "Show what would be written, as a diff, and write nothing.",
    }),
    yes: Flags.boolean({ char: "y", summary: "Ask nothing; take what is usual." }),
  };

  async run(): Promise<InitResult> {
    const { args, flags } = await this.parse(Init);
    const { beginScaffold, planDeployment } = await import("../scaffold/init.ts");
    const { interview } = await import("../scaffold/interview.ts");
    const scaffold = beginScaffold({ directory: args.dir, target: flags.target, from: flags.from });
    const answers = await interview({
      given: flags,
      earlier: scaffold.record?.answers,
      imported: scaffold.imported?.services,
      target: scaffold.target,
      person: this.isInteractive()
        ? { ask: (question) => this.ask(question), tell: (sentence) => this.tell(sentence) }
        : undefined,
      isQuick: flags.yes,
      here: {
        directory: process.cwd(),
        environment: process.env,
        program: join(this.config.root, "bin", "run.js"),
      },
    });
    const { result, write } = planDeployment(scaffold, answers, this.config.version);
    if (!flags["dry-run"]) write();
    const { formatInit } = await import("../scaffold/report.ts");
    const { data, people } = formatInit(result, flags["dry-run"], this.paintError);
    if (data !== "") this.log(data);
    this.tell(people);
    return result;
  }
}
