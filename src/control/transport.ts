/**
 * How a question reaches the control API of a gateway that runs, and how its answer comes back.
 */
interface ControlQuestion {
  method: string;
  /** Path and query, below the door. */
  path: string;
  /** JSON. */
  body?: string;
  /** Gives up, while the answer comes in, too. */
  signal?: AbortSignal;
}

export interface ControlAnswer {
  /** HTTP status. */
  status: number;
  /** As it comes. */
  text: AsyncIterable<string>;
}

/** @throws UserError exit 3 when no gateway can be reached, exit 4 when this user may not ask it */
export type ControlTransport = (question: ControlQuestion) => Promise<ControlAnswer>;
