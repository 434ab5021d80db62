import { createHash } from "node:crypto";
import { ServerResponse, IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { connectPage } from "../../../../src/server/pages/connect-page.ts";
import { consentPage, type ConsentPage } from "../../../../src/server/pages/consent-page.ts";
import { pageHeaders } from "../../../../src/server/pages/page-headers.ts";

const response = (): ServerResponse => new ServerResponse(new IncomingMessage(new Socket()));

const asked: ConsentPage = {
  clientName: "Claude Code",
  clientHost: undefined,
  redirectUri: "https://claude.ai/api/mcp/auth_callback",
  service: "files",
  resource: "https://gw.example.com/files/mcp",
  abilities: [{ text: "Use the tools", isNew: false }],
  credentials: undefined,
  identity: { subject: "local:ada", name: "ada" },
  host: "gw.example.com",
  consentAction: "/consent",
  switchAction: "/login",
  interaction: "handle",
  csrf: "token",
};

describe("page headers (RFC 9700 §4.2, §4.16)", () => {
  it("forbid loading, running, framing, caching and referring", () => {
    const answer = response();
    pageHeaders(answer);
    const policy = String(answer.getHeader("content-security-policy")).split("; ");
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toContain("base-uri 'none'");
    expect(policy).toContain("form-action 'self'");
    expect(policy.join()).not.toMatch(/unsafe|script-src|\*/);
    expect(answer.getHeaders()).toMatchObject({
      "x-frame-options": "DENY",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
      "cache-control": "no-store",
    });
  });

  it("allow exactly the stylesheet that is sent", () => {
    const answer = response();
    pageHeaders(answer);
    const styles = [
      ...consentPage(asked)
        .toString()
        .matchAll(/<style>(.*?)<\/style>/gs),
    ];
    expect(styles).toHaveLength(1);
    const hash = createHash("sha256").update(styles[0]![1]!).digest("base64");
    expect(answer.getHeader("content-security-policy")).toContain(`style-src 'sha256-${hash}'`);
  });
});

describe("the consent page (MCP Authorization)", () => {
  it("says where a client describes itself, and nothing of the kind of others", () => {
    expect(consentPage({ ...asked, clientHost: "claude.ai" }).toString()).toContain(
      'It describes itself at <strong class="code">claude.ai</strong>',
    );
    expect(consentPage(asked).toString()).not.toContain("describes itself");
  });

  it.each([
    ["https://claude.ai/api/mcp/auth_callback", ">claude.ai<", false],
    ["http://127.0.0.1:33418/", ">127.0.0.1:33418<", "Any program on this computer"],
    ["http://localhost:33418/", ">localhost:33418<", "Any program on this computer"],
    ["http://[::1]:33418/", ">[::1]:33418<", "Any program on this computer"],
    ["cursor://anysphere.cursor-mcp/oauth", ">cursor:<", "whichever app is registered"],
    ["com.example.app:/callback", ">com.example.app:<", "whichever app is registered"],
    ["https://localhost.evil.example/", ">localhost.evil.example<", false],
  ])("shows where %s leads, and warns where anybody may listen", (redirectUri, host, warning) => {
    const text = consentPage({ ...asked, redirectUri }).toString();
    expect(text).toContain(`<p class="host"${host}`);
    if (warning === false) expect(text).not.toContain('class="note"');
    else expect(text).toContain(warning);
  });

  it("marks the client's name as its own choice and keeps its direction to itself", () => {
    const clientName = `\u202eGitHub</h1><script>alert("x")</script>`;
    const text = consentPage({ ...asked, clientName }).toString();
    expect(text).toContain("<bdi>\u202eGitHub&lt;/h1&gt;&lt;script&gt;");
    expect(text).not.toContain("<script");
    expect(text).toContain("Nobody has verified it.");
  });

  it("has no script, no picture from elsewhere, and a label for every field", () => {
    const text = consentPage(asked).toString();
    expect(text).not.toMatch(/<script|<img|\bon\w+=|src=|url\(/i);
    expect(text).toMatch(/<html lang="en">/);
    expect(text.match(/<h1>/g)).toHaveLength(1);
  });
});

describe("the connect page", () => {
  it("gives each client the line it understands", () => {
    const text = connectPage({ url: "https://gw.example.com/files/mcp", service: "files" });
    expect(text).toContain(
      "claude mcp add --transport http files https://gw.example.com/files/mcp",
    );
    expect(text).toContain("&quot;mcpServers&quot;");
    expect(text).toContain("&quot;servers&quot;");
    expect(text).toContain("npx @modelcontextprotocol/inspector");
  });
});
