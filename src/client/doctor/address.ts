/**
 * Where the endpoint is, and whether the way there is safe.
 */
import { once } from "node:events";
import { isIP } from "node:net";
import { connect, rootCertificates } from "node:tls";
import { systemClock } from "../../clock.ts";
import { messageOf } from "../../errors.ts";
import { createWire } from "../emulation/wire.ts";
import { createWeb } from "../web.ts";
import type { CheckGroup } from "./check.ts";
import { failed, passed, skipped, warning, type Finding } from "./finding.ts";
import { QUESTION, type Facts } from "./facts.ts";

const DAY = 86_400; // seconds
const SOON = 14; // days before the end of a certificate
const SKEW = { noticed: 5, harmful: 30 }; // seconds
const CONNECT_TIME = 10_000; // ms
/** Without it nothing else is looked at. */
export const FIRST = "reach";
const LOCAL = "only this machine can reach it";

export const address: CheckGroup = {
  title: "Address",
  checks: [
    {
      id: FIRST,
      title: "Somebody answers",
      why: "Nothing else can be looked at otherwise.",
      next: "Check the name, the DNS, the port and the firewall; a certificate nobody trusts stops everybody, too.",
      look: async (facts) => passed(`in ${(await facts.refused(facts.bare)).seconds.toFixed(2)} s`),
    },
    {
      id: "https",
      title: "The address is https",
      why: "Tokens travel in a header. Every client refuses plain http except on its own machine.",
      next: "Put TLS in front (Traefik with Let's Encrypt does it) and give out the https address.",
      look: async ({ bare, isLocal }) => {
        if (bare.protocol === "https:") return passed(bare.host);
        return isLocal ? skipped(LOCAL) : failed("plain http");
      },
    },
    {
      id: "port",
      title: "It is on port 443",
      why: "claude.ai and other hosted clients dial no other port (claude-ai-mcp#85).",
      next: "Let the reverse proxy listen on 443.",
      look: async ({ bare, isLocal }) => {
        if (isLocal) return skipped(LOCAL);
        return bare.port === "" && bare.protocol === "https:"
          ? passed("443")
          : failed(`port ${bare.port || 80}`);
      },
    },
    {
      id: "certificate",
      title: "The certificate is valid for a while",
      why: "With a certificate that is over, or not theirs to trust, no client connects; most of them do not say why.",
      next: "Renew it, and send the whole chain; look whether the automatic renewal works.",
      look: lookAtCertificate,
    },
    {
      id: "plain-http",
      title: "Plain http leads to https and answers nothing else",
      why: "A token that is once sent without TLS is everybody's.",
      next: "Redirect port 80 to https for every path, before any other route.",
      look: lookAtPlainHttp,
    },
    {
      id: "clock",
      title: "Its clock is right",
      why: "Tokens that are issued in the future or have ended in the past are refused.",
      next: "Turn on NTP on the machine that is wrong (timedatectl set-ntp true).",
      look: async (facts) => {
        const answer = await facts.wire
          .ask("GET", facts.resourceMetadataUrl)
          .catch(() => undefined);
        if (!answer) return skipped("nobody answers");
        const there = Date.parse(answer.headers["date"] ?? "") / 1000;
        if (Number.isNaN(there)) return skipped("no Date in its answers");
        const off = Math.abs(systemClock.now() - there);
        const seen = `${Math.round(off)} s apart from this machine's`;
        if (off > SKEW.harmful) return failed(seen);
        return off > SKEW.noticed ? warning(seen) : passed(seen);
      },
    },
  ],
};

async function lookAtCertificate({ bare, options }: Facts): Promise<Finding> {
  if (bare.protocol !== "https:") return skipped("no TLS");
  const host = bare.hostname.replaceAll(/[[\]]/g, "");
  const socket = connect({
    host,
    port: Number(bare.port || 443),
    ...(isIP(host) === 0 && { servername: host }),
    ...(options.certificates && { ca: [...rootCertificates, ...options.certificates] }),
  });
  socket.setTimeout(CONNECT_TIME, () => void socket.destroy(new Error("no answer in time")));
  try {
    await once(socket, "secureConnect");
    const { valid_to: end, issuer } = socket.getPeerCertificate();
    const days = Math.floor((Date.parse(end) / 1000 - systemClock.now()) / DAY);
    const seen = `${days} days left, from ${String(issuer.O ?? issuer.CN)}`;
    return days < SOON ? warning(seen) : passed(seen);
  } catch (error) {
    return failed(messageOf(error));
  } finally {
    socket.destroy();
  }
}

async function lookAtPlainHttp({ bare }: Facts): Promise<Finding> {
  if (bare.protocol !== "https:" || bare.port !== "") return skipped("not on the usual port");
  const plain = new URL(bare);
  plain.protocol = "http:";
  const web = await createWeb({ endpoint: plain, allowHttp: true });
  try {
    const wire = createWire(web, { headers: {} });
    const answer = await wire.ask("POST", plain, QUESTION).catch(() => undefined);
    if (!answer) return passed("nobody answers there");
    const location = answer.headers["location"] ?? "";
    if (location.startsWith("https:")) return passed(`${answer.status} to ${location}`);
    const isServed = answer.status < 300 || answer.status === 401;
    return isServed ? failed(`${answer.status} without TLS`) : passed(`${answer.status}`);
  } finally {
    await web.close();
  }
}
