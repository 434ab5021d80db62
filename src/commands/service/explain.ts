import { Args, Flags } from "@oclif/core";
import { BaseCommand } from "../../command.ts";
import { EXIT, UserError } from "../../errors.ts";
import type { Kind } from "../../policy/decide.ts";
import type { Explanation } from "../../policy/explain.ts";

const many = (description: string) => Flags.string({ multiple: true, default: [], description });

export default class ServiceExplain extends BaseCommand {
  static override summary =
    "Say whether somebody may use a tool, resource or prompt, and which rule decides.";
  static override description =
    "Reads the configuration file only. Say of the caller what the identity provider would; without --subject it is a client that acts for itself.";
  static override examples = [
    "<%= config.bin %> service explain files --tool delete_file --subject github:583231",
    "<%= config.bin %> service explain files --tool read_file --argument path=/srv/files/a --subject okta:1 --group engineering",
    "<%= config.bin %> service explain files --resource file:///etc/passwd --client s6BhdRkqt3 --json",
  ];
  static override args = { service: Args.string({ required: true, description: "its name" }) };
  static override flags = {
    tool: Flags.string({
      description: "name of a tool",
      exactlyOne: ["tool", "resource", "prompt"],
    }),
    resource: Flags.string({ description: "URI of a resource" }),
    prompt: Flags.string({ description: "name of a prompt" }),
    argument: many("name=value of a call of the tool; without any, whether the tool may be seen"),
    subject: Flags.string({ description: "the person, <provider>:<id>" }),
    login: Flags.string({ description: "login name of the person" }),
    email: Flags.string({ description: "verified e-mail address of the person" }),
    group: many("a group of the person"),
    organization: many("an organisation of the person, or <org>/<team>"),
    client: Flags.string({ default: "", description: "client_id" }),
    "redirect-uri": many("a redirect URI of the client"),
  };

  async run(): Promise<Explanation> {
    const { args, flags } = await this.parse(ServiceExplain);
    const { loadConfig } = await import("../../config-file.ts");
    const { explainDecision } = await import("../../policy/explain.ts");
    const { config, file } = loadConfig({ file: flags.config });
    if (!Object.hasOwn(config.services, args.service)) {
      throw new UserError(`No service is named ${args.service} in ${file}`, {
        hint: `It has ${Object.keys(config.services).join(", ")}.`,
        exitCode: EXIT.usage,
      });
    }
    const { subject, login, email, group: groups, organization: organizations } = flags;
    const identity = subject !== undefined && {
      subject,
      ...(login !== undefined && { login }),
      ...(email !== undefined && { email, emailVerified: true }),
      groups,
      organizations,
    };
    const caller = {
      ...(identity && { identity }),
      clientId: flags.client,
      redirectUris: flags["redirect-uri"],
    };
    const [kind, name] = (
      [
        ["tools", flags.tool],
        ["resources", flags.resource],
        ["prompts", flags.prompt],
      ] as [Kind, string | undefined][]
    ).find(([, given]) => given !== undefined)!;
    const given = flags.argument.map((text) => /^([^=]*)=?(.*)$/s.exec(text)!.slice(1, 3));
    const question = {
      kind,
      name,
      ...(given.length > 0 && { arguments: Object.fromEntries(given) as Record<string, string> }),
    };
    const explanation = explainDecision(config, args.service, caller, question);
    this.log(`${explanation.isAllowed ? "Allowed" : "Not allowed"}. ${explanation.because}`);
    if (config.services[args.service]!.policies) {
      const { policies } = explanation;
      this.log(
        `Policies for this caller: ${policies.length === 0 ? "none" : policies.join(", ")}.`,
      );
    }
    return explanation;
  }
}
