// Errors of the server, over HTTP and over the socket: a code for us, a message for people.
export type FaultCode =
  | "invalid_argument"
  | "unauthenticated"
  | "permission_denied"
  | "not_found"
  | "already_exists"
  | "conflict"
  | "resource_exhausted"
  | "aborted"
  | "unavailable"
  | "deadline_exceeded"
  | "unimplemented"
  | "internal"
  | "second_factor_required"
  | "email_not_verified";

export class Fault extends Error {
  override readonly name = "Fault";
  constructor(
    readonly code: FaultCode,
    message: string,
    /** JSON name of the offending field; empty: none. */
    readonly field = "",
    /** How long to wait before trying again, in milliseconds; 0: not said. */
    readonly retryAfterMs = 0,
  ) {
    super(message);
  }
}

/** Whether the same request may succeed later: the outcome is unknown, or somebody was too busy. */
export const mayPass = (code: FaultCode): boolean =>
  code === "unavailable" || code === "deadline_exceeded" || code === "aborted" || code === "resource_exhausted" || code === "internal";

export const toFault = (error: unknown): Fault =>
  error instanceof Fault ? error : new Fault("internal", error instanceof Error ? error.message : String(error));
