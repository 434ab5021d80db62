import { Args, Flags } from "@oclif/core";
import { BaseCommand } from "../../command.ts";
import type { Result } from "../../client/doctor/examine.ts";
import { EXIT } from "../../errors.ts";

export default class DeployCheck extends BaseCommand {
  static override summary =
    "Look whether a host is ready for a deployment, over one SSH connection.";
  static override description =
    "For what init --target systemd wrote. Nothing is changed. The login must work without a password prompt, and the host key must be known.";
  static override examples = [
    "<%= config.bin %> deploy check root@gw.example.com",
    "<%= config.bin %> deploy check admin@gw.example.com ./gateway --json",
  ];
  static override args = {
    host: Args.string({
      required: true,
      description: "USER@HOST, or a name of your ssh configuration.",
    }),
    dir: Args.string({ default: ".", description: "Folder of the deployment." }),
  };
  static override flags = {
    "ssh-config": Flags.string({
      helpValue: "FILE",
      summary: "Read this ssh configuration instead.",
    }),
  };

  async run(): Promise<Result[]> {
    const { args, flags } = await this.parse(DeployCheck);
    const { readDeployment } = await import("../../client/deploy/deployment.ts");
    const { askHost } = await import("../../client/deploy/host.ts");
    const { preflight } = await import("../../client/deploy/preflight.ts");
    const { formatGroup, formatSummary } = await import("../../client/doctor/report.ts");
    const deployment = readDeployment(args.dir);
    const groups = await preflight(deployment, await askHost(args.host, flags["ssh-config"]));
    for (const group of groups) this.log(formatGroup(group, this.width, this.paint));
    const results = groups.flatMap((group) => group.results);
    this.log(formatSummary(results, this.width, this.paint));
    if (results.some(({ verdict }) => verdict === "failed")) process.exitCode = EXIT.failed;
    return results;
  }
}
