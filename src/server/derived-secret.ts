import { hkdfSync, type KeyObject } from "node:crypto";

/** 256 bits from a private key, RFC 5869: they say nothing of the key, nor of what is derived for another purpose. */
export function deriveSecret(key: KeyObject, purpose: string): Buffer {
  const { d = "" } = key.export({ format: "jwk" });
  return Buffer.from(hkdfSync("sha256", Buffer.from(d, "base64url"), "mcp-gateway", purpose, 32));
}
