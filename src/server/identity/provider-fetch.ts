/**
 * Requests to an identity provider. The operator has named it, so it may be anywhere; how long it may take, how much it may
 * say, and that it leads nowhere else is bounded all the same. The longest login is two of these one after the other.
 */
import type { Clock } from "../../clock.ts";

export type ProviderFetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

const TIME = 4; // seconds, the body included
const LARGEST = 1_048_576; // bytes

/** @returns like `fetch`, but with the body read already. It rejects when it took too long, led on or said too much. */
export function createProviderFetch({ clock }: { clock: Clock }): ProviderFetch {
  return async (url, init = {}) => {
    const controller = new AbortController();
    const cancel = clock.after(TIME, () => controller.abort(new Error(`took over ${TIME} s`)));
    try {
      const { signal } = controller;
      const response = await fetch(url, { ...init, signal, redirect: "manual" });
      const { status, headers } = response;
      if (status >= 300 && status < 400) throw new Error("redirects");
      const chunks: Uint8Array[] = [];
      let size = 0;
      for await (const chunk of response.body ?? []) {
        size += chunk.length;
        if (size > LARGEST) throw new Error(`says more than ${LARGEST} bytes`);
        chunks.push(chunk);
      }
      const body = size === 0 ? null : Buffer.concat(chunks);
      return new Response(body, { status, headers });
    } finally {
      cancel();
      controller.abort();
    }
  };
}
