import { Args, Flags } from "@oclif/core";
import { resolve } from "node:path";
import { BaseCommand } from "../../command.ts";
import { CONFIG_FILE, findConfigFile } from "../../paths.ts";

interface RemovedService {
  service: string;
  file: string;
  difference: string[];
  state: "dry run" | "not running" | "in effect" | "restart needed";
}

export default class ServiceRemove extends BaseCommand {
  static override summary = "Remove an MCP server from mcp-gateway.yaml.";
  static override description =
    "Its sessions end when the gateway follows. Folders it wrote to and what was installed for it stay.";
  static override examples = [
    "<%= config.bin %> service remove memory",
    "<%= config.bin %> service remove memory --yes",
  ];
  static override args = {
    service: Args.string({ required: true, description: "name of the service" }),
  };
  static override flags = {
    yes: Flags.boolean({ summary: "Do not ask." }),
    "dry-run": Flags.boolean({ summary: "Show what would change, and change nothing." }),
  };

  async run(): Promise<RemovedService> {
    const { args, flags } = await this.parse(ServiceRemove);
    const { removeService, writeEdit } = await import("../../config/edit.ts");
    const { textDifference } = await import("../../config/text-difference.ts");
    const { followEdit } = await import("../../control/follow-edit.ts");
    const { service } = args;
    const file = resolve(flags.config ?? findConfigFile(process.cwd()) ?? CONFIG_FILE);
    const edit = removeService(file, service);
    const removed = { service, file, difference: textDifference(edit.before ?? "", edit.after) };
    if (flags["dry-run"]) {
      this.log(removed.difference.join("\n"));
      return { ...removed, state: "dry run" };
    }
    await this.confirm(`Remove ${service} from ${file}?`, flags.yes);
    writeEdit(edit);
    this.log(`Removed ${service} from ${file}.`);
    const { next, state } = await followEdit(
      await this.localControl({ config: file }),
      service,
      false,
    );
    if (state === "restart needed") this.tell(next!);
    return { ...removed, state };
  }
}
