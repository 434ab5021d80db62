/**
 * The whole way of a client, from the URL to its tokens.
 */
import { discover, knock } from "./discover.ts";
import { register } from "./register.ts";
import { logInAs, type Login, type Person } from "./tokens.ts";
import type { Visit } from "./visit.ts";

/** @throws UserError that says at which step the client stops, and what to do */
export async function logIn(visit: Visit, person: Person): Promise<Login> {
  const challenge = await knock(visit);
  const found = await discover(visit, challenge);
  const client = await register(visit, found);
  return logInAs(visit, found, client, person);
}
