/**
 * Fetch a JSON document from an address the operator has written into the configuration. Its host may be inside their network,
 * so unlike guarded-fetch.ts any address is allowed; time, size and redirects are bounded all the same.
 */
import type { Clock } from "../clock.ts";
import { messageOf } from "../errors.ts";
import type { GuardedFetch, NotFetched } from "./guarded-fetch.ts";

const TIME = 5; // seconds, everything included

export function createOperatorFetch({ clock }: { clock: Clock }): GuardedFetch {
  return async (url, { bytes }) => {
    const controller = new AbortController();
    const cancel = clock.after(TIME, () => controller.abort(new Error(`took over ${TIME} s`)));
    try {
      const { signal } = controller;
      const headers = { accept: "application/json" };
      const response = await fetch(url, { signal, headers, redirect: "error" });
      if (response.status !== 200 || !response.body) return notFetched(`status ${response.status}`);
      const chunks: Uint8Array[] = [];
      let size = 0;
      for await (const chunk of response.body) {
        size += chunk.length;
        if (size > bytes) return notFetched(`larger than ${bytes} bytes`);
        chunks.push(chunk);
      }
      const text = new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
      return { isFetched: true, text, headers: Object.fromEntries(response.headers) };
    } catch (error) {
      return notFetched(messageOf(error));
    } finally {
      cancel();
      controller.abort();
    }
  };
}

function notFetched(reason: string): NotFetched {
  return { isFetched: false, reason, isGone: false, isBusy: false };
}
