/**
 * Everything a deployment consists of, as files: the configuration, what its target needs, and .env.
 */
import type { Config } from "../config.ts";
import { configJsonSchema } from "../config.ts";
import { GATEWAY, planProxy } from "../proxy/plan.ts";
import { ruleOf } from "../proxy/traefik/rule.ts";
import { renderTraefik } from "../proxy/traefik/render.ts";
import type { Answers } from "./answers.ts";
import type { Variable } from "./env-file.ts";
import { KEY_ENCRYPTION, REDIS_PASSWORD, REDIS_URL, SCHEMA_FILE } from "./gateway-file.ts";
import { renderTarget, type RenderedFile, type Target } from "./target.ts";

/** What templates call `it`. */
export interface TemplateValues {
  /** Of mcp-gateway. */
  readonly version: string;
  readonly domain: string;
  /** Every host that people and clients use. */
  readonly hosts: readonly string[];
  readonly routing: Config["routing"];
  /** What Traefik lets through to the gateway, the most specific first; `isBusy` where clients of many people share addresses. */
  readonly routes: readonly { rule: string; priority: number; isBusy: boolean }[];
  readonly port: number;
  readonly hasRedis: boolean;
  readonly folder: string;
  readonly state: string;
  readonly data: string;
  /** What services have to themselves below `data`; it must exist before they start. */
  readonly folders: readonly string[];
  /** Files and folders of the machine that services may reach. */
  readonly mounts: readonly { path: string; isWritable: boolean }[];
  /** Whether a program of a service is started at all. */
  readonly hasPrograms: boolean;
  readonly next: readonly string[];
  readonly variables: readonly string[];
}

/** @param config as it stands in the deployment, whoever wrote it @param variables names in .env */
export function templateValues(
  config: Config,
  target: Target,
  version: string,
  variables: readonly string[],
): TemplateValues {
  const { host: domain } = new URL(config.publicUrl);
  const names = config.routing === "subdomain" ? Object.keys(config.services) : [];
  const { folder, state, data, next } = target;
  const reached = Object.values(config.services).flatMap((service) => {
    const permissions = "command" in service ? service.permissions : undefined;
    if (permissions === undefined || permissions === "all") return [];
    const { read, write } = permissions;
    return [
      ...write.map((path) => ({ path, isWritable: true })),
      ...read.map((path) => ({ path, isWritable: false })),
    ];
  });
  const own = reached.filter(({ path }) => path.startsWith(`${data}/`)).map(({ path }) => path);
  const foreign = reached.filter(({ path }) => path.startsWith("/") && !own.includes(path));
  return {
    version,
    domain,
    hosts: [domain, ...names.map((name) => `${name}.${domain}`)],
    routing: config.routing,
    routes: planProxy(config)
      .routes.filter(({ upstream }) => upstream === GATEWAY)
      .map((route) => ({
        rule: ruleOf(route),
        priority: route.priority,
        isBusy: route.what === "mcp",
      })),
    port: config.listen.port,
    hasRedis: config.store.type === "redis",
    folder,
    state,
    data,
    folders: [...new Set(own)],
    mounts: foreign.filter(
      ({ path }, index) => foreign.findIndex((other) => other.path === path) === index,
    ),
    hasPrograms: Object.values(config.services).some((service) => "command" in service),
    next,
    variables,
  };
}

/** All but mcp-gateway.yaml and .env. */
export function deploymentFiles(
  config: Config,
  target: Target,
  values: TemplateValues,
): RenderedFile[] {
  const { traefik } = target;
  const proxy = traefik === undefined ? [] : renderTraefik(config);
  return [
    { path: ".gitignore", text: IGNORED },
    { path: SCHEMA_FILE, text: `${JSON.stringify(configJsonSchema(), null, 2)}\n` },
    ...proxy.map(({ path, text }) => ({ path: `${traefik}/${path}`, text })),
    ...renderTarget(target, values),
  ];
}

const IGNORED = `# Secrets and state stay on the machine.
.env
.env.*
.mcp-gateway/
acme*.json
`;

/** What has to stand in .env besides what was imported. @param random makes a secret */
export function variablesOf(answers: Answers, target: Target, random: () => string): Variable[] {
  const secret = /^\$\{(\w+)\}$/.exec(String(answers.identity.entry["clientSecret"]))?.[1];
  const password = random();
  return [
    {
      name: KEY_ENCRYPTION,
      value: random(),
      about: "Encrypts the keys that sign tokens. Keep a copy: without it the keys are lost.",
    },
    ...(secret === undefined
      ? []
      : [
          {
            name: secret,
            value: "",
            about: `The client secret, from ${answers.identity.console}.`,
          },
        ]),
    ...(answers.store === "redis"
      ? [
          { name: REDIS_PASSWORD, value: password, about: "Redis." },
          {
            name: REDIS_URL,
            value: target.redisUrl.replace("{password}", password),
            about: "Where the gateway finds Redis, with the same password.",
          },
        ]
      : []),
  ];
}
