import { Args, Flags } from "@oclif/core";
import { dirname, join, resolve } from "node:path";
import { BaseCommand } from "../../command.ts";
import { CONFIG_FILE, findConfigFile } from "../../paths.ts";

const ISOLATION = ["session", "user", "shared"] as const;

const words = (helpValue: string, summary: string) =>
  Flags.string({ multiple: true, multipleNonGreedy: true, helpValue, summary });

interface AddedService {
  service: string;
  file: string;
  /** As it stands in the file. */
  entry: object;
  /** What the file would be, or is. */
  difference: string[];
  state: "dry run" | "not running" | "in effect" | "restart needed";
  url?: string;
}

export default class ServiceAdd extends BaseCommand {
  static override summary = "Add an MCP server to mcp-gateway.yaml.";
  static override description =
    "NAME is a server of the catalogue, unless a command follows after -- or --url names a server elsewhere. Servers of the catalogue are installed beside the configuration, at a fixed version. What a program may reach is nothing but what --allow-* grants. Comments and order of the file stay as they are.";
  static override usage = "service add NAME [FLAGS] [-- COMMAND...]";
  static override examples = [
    "<%= config.bin %> service add filesystem --param folder=/srv/files",
    "<%= config.bin %> service add notes --allow-read ./notes -- node notes-server.js",
    "<%= config.bin %> service add remote --url https://mcp.example.com/mcp --header 'Authorization=Bearer ${REMOTE_TOKEN}'",
  ];
  static override strict = false;
  static override args = {
    name: Args.string({ required: true, description: "name of the server" }),
  };
  static override flags = {
    as: Flags.string({ summary: "Name of the service, when not that of the catalogue." }),
    url: Flags.string({ summary: "The MCP endpoint of a server elsewhere." }),
    param: words("NAME=VALUE", "A parameter of the catalogue's entry."),
    env: words("NAME=VALUE", "A variable for it; ${NAME} stays a reference."),
    header: words("NAME=VALUE", "A header for a server elsewhere."),
    isolation: Flags.option({ options: ISOLATION, summary: "Who shares a running server." })(),
    "allow-read": words("PATH", "Let it read."),
    "allow-write": words("PATH", "Let it read and change."),
    "allow-net": Flags.boolean({ summary: "Let it use the network." }),
    "allow-env": words("NAME", "Give it a variable of the gateway's own."),
    "allow-run": words("PROGRAM", "Let it start a program; * for all."),
    "allow-all": Flags.boolean({ summary: "Confine it in nothing but its environment." }),
    install: Flags.boolean({
      default: true,
      allowNo: true,
      summary: "Install a server of the catalogue beside the configuration.",
    }),
    "dry-run": Flags.boolean({ summary: "Show what would change, and change nothing." }),
  };

  async run(): Promise<AddedService> {
    const { args, argv, flags } = await this.parse(ServiceAdd);
    const command = this.commandAfterHyphens(argv.slice(1), "service add NAME");
    const { addService, writeEdit } = await import("../../config/edit.ts");
    const { newService } = await import("../../config/new-service.ts");
    const { textDifference } = await import("../../config/text-difference.ts");
    const { followEdit } = await import("../../control/follow-edit.ts");
    const file = resolve(flags.config ?? findConfigFile(process.cwd()) ?? CONFIG_FILE);
    const service = flags.as ?? args.name;
    const { "allow-read": read, "allow-write": write, "allow-env": env, "allow-run": run } = flags;
    const allow = { read, write, env, run, net: flags["allow-net"], all: flags["allow-all"] };
    const wishes = { ...flags, command, allow, isInstalling: flags.install };
    const made = newService(args.name, wishes, {
      base: dirname(file),
      here: process.cwd(),
      environment: process.env,
      program: join(this.config.root, "bin", "run.js"),
    });
    const edit = addService(file, service, made.entry);
    const difference = textDifference(edit.before ?? "", edit.after);
    const added = { service, file, entry: made.entry, difference };
    if (flags["dry-run"]) {
      this.log(difference.join("\n"));
      if (made.task !== undefined) this.tell(`It would install ${made.task}.`);
      return { ...added, state: "dry run" };
    }
    if (made.task !== undefined) this.tell(`Installing ${made.task} ...`);
    await made.prepare();
    writeEdit(edit);
    this.log(`Added ${service} to ${file}.`);
    const { next, ...followed } = await followEdit(
      await this.localControl({ config: file }),
      service,
      true,
    );
    for (const sentence of [...made.remarks, next]) if (sentence !== undefined) this.tell(sentence);
    if (followed.url !== undefined) this.log(followed.url);
    return { ...added, ...followed };
  }
}
