/**
 * Load that autocannon cannot make: each connection refreshes with the refresh token that the answer before brought.
 * Reads `{ url, clientId, refreshTokens, seconds }` as JSON from standard input, prints `{ perSecond, refreshTokens }`.
 */
import { Pool } from "undici";

let input = "";
for await (const chunk of process.stdin) input += chunk;
const { url, clientId, refreshTokens, seconds } = JSON.parse(input);

const pool = new Pool(url, { connections: refreshTokens.length });
const end = performance.now() + seconds * 1000;
let answers = 0;

const newest = await Promise.all(
  refreshTokens.map(async (first) => {
    let token = first;
    while (performance.now() < end) {
      const { statusCode, body } = await pool.request({
        path: "/token",
        method: "POST",
        headers: { "content-type": "application/x-www-form-urlencoded" },
        body: `grant_type=refresh_token&client_id=${encodeURIComponent(clientId)}&refresh_token=${encodeURIComponent(token)}`,
      });
      const answer = await body.json();
      if (statusCode !== 200) throw new Error(`${statusCode} ${JSON.stringify(answer)}`);
      token = answer.refresh_token;
      answers += 1;
    }
    return token;
  }),
);
await pool.close();
console.log(JSON.stringify({ perSecond: answers / seconds, refreshTokens: newest }));
