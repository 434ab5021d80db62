/**
 * What all answers together show; looked at last.
 */
import type { Answer } from "../emulation/exchange.ts";
import type { CheckGroup } from "./check.ts";
import { failed, passed, skipped, warning } from "./finding.ts";
import { typeOf } from "./facts.ts";

const SLOW = 3; // seconds

export const overall: CheckGroup = {
  title: "All answers",
  checks: [
    {
      id: "firewall",
      title: "No page of a firewall or tunnel is in the way",
      why: "A challenge for people (captcha, interstitial) stops every program (claude-ai-mcp#53).",
      next: "Turn the challenge off for the MCP path, /.well-known/ and the OAuth endpoints.",
      look: async ({ answers }) => {
        const page = answers.find(isObstacle);
        return page ? failed(`${page.status} at ${page.url.href}`) : passed("none seen");
      },
    },
    {
      id: "speed",
      title: "It answers in time",
      why: "Hosted clients wait ten seconds for discovery, registration and tokens (ha-mcp#2213).",
      next: "Look for cold starts and slow name servers; the slowest answer is named above.",
      look: async ({ answers }) => {
        const slowest = [...answers].toSorted((a, b) => b.seconds - a.seconds)[0];
        if (!slowest) return skipped("nothing answered");
        const seen = `${slowest.seconds.toFixed(1)} s at most, ${slowest.url.pathname}`;
        return slowest.seconds > SLOW ? warning(seen) : passed(seen);
      },
    },
  ],
};

function isObstacle(answer: Answer): boolean {
  const isPage = typeOf(answer) === "text/html";
  return (
    answer.headers["cf-mitigated"] !== undefined ||
    answer.headers["ngrok-error-code"] !== undefined ||
    (isPage && /captcha|just a moment|challenge-platform|ngrok|access denied/i.test(answer.text))
  );
}
