/** AES-256-GCM under a key derived from the operator's secret (seal.ts). All base64url; `text` ends with the authentication tag. */
export interface SealedText {
  secretId: string;
  salt: string;
  nonce: string;
  text: string;
}
