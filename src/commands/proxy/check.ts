import { Flags } from "@oclif/core";
import { BaseCommand } from "../../command.ts";
import { EXIT, UserError } from "../../errors.ts";
import type { Fetch, Finding } from "../../proxy/check.ts";

export default class ProxyCheck extends BaseCommand {
  static override summary = "Ask the reverse proxy from outside whether it does what was planned.";
  static override description =
    "Run it where clients are. With an access token in MCP_GATEWAY_TOKEN streams are tried, too. The exit code is 1 when something is not as planned.";
  static override examples = [
    "<%= config.bin %> proxy check",
    "<%= config.bin %> proxy check --resolve gw.example.com:443:203.0.113.5",
    "<%= config.bin %> proxy check --api http://127.0.0.1:8082",
  ];
  static override flags = {
    resolve: Flags.string({
      multiple: true,
      helpValue: "HOST:PORT:ADDRESS",
      description: "dial this address for a host, whatever DNS says",
    }),
    api: Flags.string({
      helpValue: "URL",
      description: "where Traefik's API is; its routers are compared with the plan",
    }),
  };

  async run(): Promise<Finding[]> {
    const { flags } = await this.parse(ProxyCheck);
    const { loadConfig } = await import("../../config-file.ts");
    const { ask, questions } = await import("../../proxy/check.ts");
    const { config } = loadConfig({ file: flags.config });
    const fetch = await fetchWith((flags.resolve ?? []).map(parseResolve));
    const all = questions(config);
    const token = process.env["MCP_GATEWAY_TOKEN"];
    if (token !== undefined) {
      const { streamQuestion } = await import("../../proxy/check-stream.ts");
      all.push(streamQuestion(config, token, fetch));
    }
    if (flags.api !== undefined) {
      const { apiQuestion } = await import("../../proxy/traefik/check-api.ts");
      all.push(apiQuestion(config, flags.api));
    }
    const findings = await ask(all, fetch);
    for (const { isGood, what, url, problem } of findings) {
      const mark = isGood ? this.paint("green", "ok    ") : this.paint("red", "FAILED");
      this.log(`${mark}  ${url}  ${what}${problem === undefined ? "" : `: ${problem}`}`);
    }
    const bad = findings.filter(({ isGood }) => !isGood).length;
    this.tell(`${findings.length - bad} of ${findings.length} are as planned.`);
    if (bad > 0) process.exitCode = EXIT.failed;
    return findings;
  }
}

interface Resolved {
  host: string;
  port: string;
  address: string;
}

function parseResolve(text: string): Resolved {
  const [, host, port, address] = /^([^:]+):(\d+):\[?([0-9a-f.:]+)\]?$/i.exec(text) ?? [];
  if (host === undefined || port === undefined || address === undefined) {
    throw new UserError(`--resolve ${text} is not HOST:PORT:ADDRESS`, { exitCode: EXIT.usage });
  }
  return { host, port, address };
}

/** Certificates and Host headers stay those of the name; only the address is another one. */
async function fetchWith(resolved: readonly Resolved[]): Promise<Fetch> {
  const { Agent, buildConnector, fetch } = await import("undici");
  const connector = buildConnector({});
  const dispatcher = new Agent({
    connect: (options, callback) => {
      const port = options.port || (options.protocol === "https:" ? "443" : "80");
      const known = resolved.find((one) => one.host === options.hostname && one.port === port);
      if (known === undefined) return connector(options, callback);
      const servername = options.servername ?? options.hostname;
      connector({ ...options, hostname: known.address, servername }, callback);
    },
  });
  // The types of undici's requests and of the global ones differ in name only.
  return (url, init) => fetch(url, { ...init, dispatcher } as never);
}
