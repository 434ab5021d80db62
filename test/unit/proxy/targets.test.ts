import { describe, expect, it } from "vitest";
import { makeConfig } from "../../../src/config-file.ts";
import type { Config, ConfigInput } from "../../../src/config.ts";
import { TARGETS } from "../../../src/proxy/targets.ts";

const certificates = [{ certFile: "/etc/ssl/gw.pem", keyFile: "/etc/ssl/gw.key" }];

const config = (input: Partial<ConfigInput> = {}): Config =>
  makeConfig({
    publicUrl: "https://gw.example.com",
    identity: {
      providers: [{ type: "github", clientId: "x", clientSecret: "${SECRET}" }],
      allow: ["github:@octocat"],
    },
    services: {
      files: { command: "node" },
      wiki: { url: "http://wiki:3000/api/$x/mcp", via: "traefik" },
    },
    ...input,
    proxy: { certificates, ...input.proxy },
  });

async function textOf(target: string, input?: Partial<ConfigInput>): Promise<string> {
  const render = await TARGETS[target]!();
  return render(config(input))
    .map(({ text }) => text)
    .join("\n");
}

describe.each(Object.keys(TARGETS))("what is rendered for %s", (target) => {
  it("says where it comes from", async () => {
    expect(await textOf(target)).toMatch(
      /^# Generated from mcp-gateway\.yaml by: mcp-gateway proxy render\n/,
    );
  });

  it("believes nobody's forwarding headers but of those that were named", async () => {
    const trustedIPs = ["203.0.113.0/24"];
    expect(await textOf(target, { proxy: { trustedIPs } })).toContain("203.0.113.0/24");
    expect(await textOf(target)).not.toMatch(/set_real_ip_from|trusted_proxies/);
  });

  it("names every gateway that there is", async () => {
    const gateways = ["http://10.0.0.1:8080", "http://10.0.0.2:8080"];
    const text = await textOf(target, { proxy: { gateways } });
    for (const gateway of gateways) expect(text).toContain(new URL(gateway).host);
  });

  it("writes no certificate where everything is plain, on loopback", async () => {
    const text = await textOf(target, { publicUrl: "http://localhost:8000" });
    expect(text).not.toMatch(/gw\.pem|ssl|max-age|stsSeconds|443/);
  });
});

describe("what a proxy cannot do is said before it is written", () => {
  it("dns-01, of Caddy", async () => {
    const acme = { email: "ops@example.com", challenge: "dns-01", provider: "exec" } as const;
    await expect(textOf("caddy", { proxy: { acme } })).rejects.toThrow(/cannot answer dns-01/);
  });

  it("no certificate, or several, of nginx", async () => {
    const two = [...certificates, ...certificates];
    for (const wrong of [[], two]) {
      const rendered = textOf("nginx", { proxy: { certificates: wrong } });
      await expect(rendered).rejects.toThrow(`needs one certificate, and ${wrong.length}`);
    }
  });
});

it("keeps a path's dollar from being a variable of nginx", async () => {
  expect(await textOf("nginx")).toContain('"http://mcp-wiki/api/%24x/mcp$is_args$args"');
});
