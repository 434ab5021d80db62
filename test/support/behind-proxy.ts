/**
 * The second way a gateway is reached: through a reverse proxy, whose address is the public one and which says in
 * `X-Forwarded-*` what was asked for. It sets those headers whatever the client sent, as every proxy should.
 */
import { once } from "node:events";
import { createServer, request, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { startGateway, TestGateway } from "./gateway.ts";
import { freePort } from "./bearer-proxy.ts";

type Start = typeof startGateway;

/** @returns `start`, but of a gateway behind a proxy of its own */
export function behindProxy(start: Start): Start {
  return async (options?: Parameters<Start>[0]): Promise<TestGateway> => {
    const asked = new URL(options?.config?.publicUrl ?? "http://localhost:0");
    const proxy = createServer();
    proxy.listen(Number(asked.port), "127.0.0.1");
    await once(proxy, "listening");
    asked.port = String((proxy.address() as AddressInfo).port);
    const inner = await freePort();
    const publicUrl = asked.href.replace(/\/$/, "");
    const config = { ...options?.config, publicUrl, listen: { host: "127.0.0.1", port: inner } };
    const gateway = await start({ ...options, config });
    relay(proxy, inner, asked);
    return {
      ...gateway,
      async close() {
        await gateway.close();
        proxy.close();
        proxy.closeAllConnections();
      },
    };
  };
}

let requests = 0;

/** Everybody comes from an address of their own, as the tests take them for different people. */
function source(): string {
  requests += 1;
  return `198.18.${requests >> 8}.${requests & 255}`;
}

function relay(proxy: Server, port: number, publicUrl: URL): void {
  proxy.on("request", (incoming: IncomingMessage, response) => {
    const { method, url: path } = incoming;
    const outgoing = request({ host: "127.0.0.1", port, method, path, headers: headers(incoming) });
    outgoing.on("response", (answer) => {
      response.writeHead(answer.statusCode!, answer.rawHeaders);
      answer.pipe(response);
      answer.on("error", () => response.destroy());
    });
    outgoing.on("error", () => (response.headersSent ? response.destroy() : refuse()));
    const refuse = (): void => void response.writeHead(502).end();
    response.on("close", () => outgoing.destroy());
    incoming.pipe(outgoing);
  });

  function headers(incoming: IncomingMessage): string[] {
    const raw = incoming.rawHeaders;
    // The door for the proxy itself: what is forwarded there is what the proxy asks about.
    if (incoming.url?.startsWith("/verify") === true) return raw;
    const own = raw.filter((_, i) => !/^(x-)?forwarded|^x-real-ip/i.test(raw[i - (i % 2)]!));
    return [
      ...own,
      ...["X-Forwarded-For", source(), "X-Forwarded-Proto", publicUrl.protocol.slice(0, -1)],
      ...["X-Forwarded-Host", publicUrl.host, "X-Forwarded-Port", publicUrl.port],
    ];
  }
}
