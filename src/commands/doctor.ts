import { Args, Flags } from "@oclif/core";
import { text } from "node:stream/consumers";
import type { GroupResult, Result } from "../client/doctor/examine.ts";
import type { Explanation } from "../client/doctor/explain.ts";
import { emulations } from "../client/emulation/index.ts";
import { BaseCommand } from "../command.ts";
import { EXIT } from "../errors.ts";

interface Examination {
  url: string;
  results: Result[];
}

export default class Doctor extends BaseCommand {
  static override summary = "Look at an MCP server as its clients do, and name what to repair.";
  static override description =
    "Any MCP server with OAuth can be looked at; without a URL it is the gateway of this configuration. Nothing is changed: clients registered on the way are deleted again. With an access token, in MCP_GATEWAY_TOKEN or on standard input, also what only they see who are logged in.";
  static override examples = [
    "<%= config.bin %> doctor",
    "<%= config.bin %> doctor https://gw.example.com/files/mcp",
    "<%= config.bin %> doctor https://gw.example.com/files/mcp --as claude-code",
    "<%= config.bin %> doctor https://gw.example.com/files/mcp --token-stdin --json < token",
    "<%= config.bin %> doctor --explain cors-challenge",
  ];
  static override args = { url: Args.string({ description: "MCP endpoint of the server." }) };
  static override flags = {
    as: Flags.option({
      options: [...emulations.keys()],
      exclusive: ["token-stdin"],
      summary: "Go the whole way of one client; log in where it comes back to this machine.",
    })(),
    "no-browser": Flags.boolean({
      dependsOn: ["as"],
      summary: "Only show the address to log in at.",
    }),
    "token-stdin": Flags.boolean({ summary: "Read an access token from standard input." }),
    explain: Flags.string({ helpValue: "ID", summary: "Say what a check is about, and end." }),
  };

  async run(): Promise<Examination | Explanation> {
    const { args, flags } = await this.parse(Doctor);
    if (flags.explain !== undefined) return this.#explain(flags.explain);
    const { formatGroup, formatSummary } = await import("../client/doctor/report.ts");
    const results: Result[] = [];
    const show = (group: GroupResult): void => {
      results.push(...group.results);
      this.log(formatGroup(group, this.width, this.paint));
    };
    const url = args.url ?? (await this.#own(flags, show));
    this.log(`${this.paint("cyan", url)}\n`);
    for await (const group of this.#groups(url, flags)) show(group);
    this.log(formatSummary(results, this.width, this.paint));
    if (results.some(({ verdict }) => verdict === "failed")) process.exitCode = EXIT.failed;
    return { url, results };
  }

  async #own(flags: { config?: string | undefined }, show: (group: GroupResult) => void) {
    const { lookInside } = await import("../client/doctor/local.ts");
    const { url, groups } = await lookInside(await this.localControl(flags));
    groups.forEach(show);
    return url;
  }

  async *#groups(
    url: string,
    flags: { as?: string | undefined; "token-stdin": boolean; "no-browser": boolean },
  ): AsyncGenerator<GroupResult> {
    const { examine } = await import("../client/doctor/examine.ts");
    const { examineAs } = await import("../client/doctor/as-client.ts");
    if (flags.as === undefined) {
      const given = flags["token-stdin"] ? await text(process.stdin) : undefined;
      yield* examine({ url, token: given ?? process.env["MCP_GATEWAY_TOKEN"] });
      return;
    }
    const { present } = await import("../client/present.ts");
    const ways = { mayOpen: !flags["no-browser"], tell: (words: string) => this.tell(words) };
    const emulation = emulations.get(flags.as)!;
    const isSeen = this.isInteractive();
    yield await examineAs({ url, emulation, present: isSeen && ((page) => present(page, ways)) });
  }

  async #explain(id: string): Promise<Explanation> {
    const { explain } = await import("../client/doctor/explain.ts");
    const { formatExplanation } = await import("../client/doctor/report.ts");
    const explanation = explain(id);
    this.log(formatExplanation(explanation, this.width, this.paint));
    return explanation;
  }
}
