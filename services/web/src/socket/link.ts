// The life of a connection as a pure step: what comes in, what is to be done. The driver (socket.client.ts) has the socket and the clock.
//
//	off ─▶ authorising ─▶ dialing ─▶ greeting ─▶ live ─▶ (closed) ─▶ waiting ─▶ authorising …
//	                                                └─▶ refused: only somebody can help
import type { ServerFrame } from "~/protocol/types";

export type Status = "off" | "waiting" | "authorising" | "dialing" | "greeting" | "live" | "refused";

/** Why there will be no other attempt: signed out, too many connections, or a server of another version. */
export type Refusal = "signed_out" | "too_many" | "protocol";

/** Times are milliseconds of the monotonic clock: sleep and a clock that is set do not count as silence twice. */
export interface Link {
  readonly status: Status;
  /** Attempts since a connection has last been stable. */
  readonly attempt: number;
  /** When something is to be done if nothing comes. */
  readonly due: number;
  /** Since when it is live. */
  readonly since: number;
  readonly pingMs: number;
  readonly pinged: boolean;
  /** The server's slot to reconnect, after goAway. */
  readonly slot?: number;
  readonly refusal?: Refusal;
  /** The last token was made just for this attempt. */
  readonly fresh: boolean;
}

export type Input =
  | { kind: "start" }
  | { kind: "stop" }
  | { kind: "token" }
  | { kind: "noToken"; signedOut: boolean }
  | { kind: "opened" }
  | { kind: "frame"; frame: ServerFrame }
  | { kind: "closed"; code: number; reason: string }
  /** The device is online again, or says it is not; or its user looks. */
  | { kind: "wake" }
  | { kind: "tick" };

export type Output =
  | { kind: "askToken"; fresh: boolean }
  | { kind: "dial" }
  /** first: with cursors; otherwise it brings a fresh token. */
  | { kind: "hello"; first: boolean }
  | { kind: "ping" }
  | { kind: "hangUp" }
  | { kind: "signedOut" };

export const noLink: Link = { status: "off", attempt: 0, due: Infinity, since: 0, pingMs: 25_000, pinged: false, fresh: false };

/** How long a token, a handshake and a welcome may take; and an answer when somebody looks. */
const patience = 15_000;
const quickPatience = 5_000;
/** A connection that lived this long was a good one: the back-off starts afresh. */
const stableAfter = 10_000;
const firstWait = 1_000;
const longestWait = 30_000;
const limitedWait = 1_000;

/** random is in [0, 1). */
export function step(link: Link, input: Input, now: number, random: number): [Link, Output[]] {
  switch (input.kind) {
    case "start":
      return link.status === "off" || link.status === "refused" ? authorise({ ...noLink }, now, false) : [link, []];
    case "stop":
      return [noLink, link.status === "off" ? [] : [{ kind: "hangUp" }]];
    case "token":
      if (link.status === "authorising") return [{ ...link, status: "dialing", due: now + patience }, [{ kind: "dial" }]];
      return link.status === "live" ? [link, [{ kind: "hello", first: false }]] : [link, []];
    case "noToken":
      if (input.signedOut) return refuse(link, "signed_out");
      return link.status === "authorising" ? backOff(link, now, random) : [link, []];
    case "opened":
      return link.status === "dialing"
        ? [{ ...link, status: "greeting", due: now + patience }, [{ kind: "hello", first: true }]]
        : [link, []];
    case "frame":
      return heard(link, input.frame, now);
    case "closed":
      return closed(link, input.code, input.reason, now, random);
    case "wake":
      return wake(link, now);
    case "tick":
      return tick(link, now, random);
  }
}

/** When the driver has to call with a tick. */
export const nextTick = (link: Link): number => Math.min(link.due, link.slot ?? Infinity);

function authorise(link: Link, now: number, fresh: boolean): [Link, Output[]] {
  return [{ ...link, status: "authorising", fresh, slot: undefined, due: now + patience }, [{ kind: "askToken", fresh }]];
}

function heard(link: Link, frame: ServerFrame, now: number): [Link, Output[]] {
  if (link.status === "greeting" && frame.welcome) {
    const pingMs = (frame.welcome.pingSeconds || 25) * 1000;
    return [{ ...link, status: "live", since: now, pingMs, pinged: false, due: now + pingMs }, []];
  }
  if (link.status !== "live") return [link, []];
  const next = { ...link, pinged: false, due: now + link.pingMs };
  if (frame.goAway) return [{ ...next, slot: now + (frame.goAway.reconnectAfterMs ?? 0) }, []];
  return [next, frame.tokenExpiring ? [{ kind: "askToken", fresh: true }] : []];
}

function wake(link: Link, now: number): [Link, Output[]] {
  if (link.status === "waiting") return authorise(link, now, false);
  if (link.status !== "live") return [link, []];
  return [{ ...link, pinged: true, due: Math.min(link.due, now + quickPatience) }, link.pinged ? [] : [{ kind: "ping" }]];
}

function tick(link: Link, now: number, random: number): [Link, Output[]] {
  if (link.slot !== undefined && now >= link.slot) {
    const [next, outputs] = authorise(link, now, false);
    return [next, [{ kind: "hangUp" }, ...outputs]];
  }
  if (now < link.due) return [link, []];
  if (link.status === "waiting") return authorise(link, now, false);
  if (link.status === "live" && !link.pinged) return [{ ...link, pinged: true, due: now + link.pingMs }, [{ kind: "ping" }]];
  if (link.status === "off" || link.status === "refused") return [link, []];
  const [next, outputs] = backOff(link, now, random);
  return [next, [{ kind: "hangUp" }, ...outputs]];
}

/** Close codes are API: 4000–4099 ask to reconnect and resume, 4100–4199 forbid it as we are. */
function closed(link: Link, code: number, reason: string, now: number, random: number): [Link, Output[]] {
  if (link.status === "off" || link.status === "refused" || link.status === "waiting") return [link, []];
  if (code === 4101 && !link.fresh) return authorise(link, now, true);
  if (code === 4101 || code === 4103) return refuse(link, "signed_out");
  if (code === 4109) return refuse(link, "too_many");
  if ((code >= 4100 && code <= 4199) || code === 1009) return refuse(link, "protocol");
  return backOff(link, now, random, code === 4029 ? waitIn(reason) : 0);
}

/** Full jitter: any time up to a limit that doubles, so that clients that lost the same server do not come back together. */
function backOff(link: Link, now: number, random: number, atLeast = 0): [Link, Output[]] {
  const stable = link.status === "live" && now - link.since >= stableAfter;
  const attempt = stable ? 0 : link.attempt;
  // In its slot, a client was told to come back; it may come at once.
  const wait = link.slot !== undefined ? Math.max(0, link.slot - now) : random * Math.min(longestWait, firstWait * 2 ** attempt);
  return [
    { ...link, status: "waiting", attempt: attempt + 1, slot: undefined, pinged: false, fresh: false, due: now + Math.max(atLeast, wait) },
    [],
  ];
}

function refuse(link: Link, refusal: Refusal): [Link, Output[]] {
  const outputs: Output[] = [{ kind: "hangUp" }];
  if (refusal === "signed_out") outputs.push({ kind: "signedOut" });
  return [{ ...noLink, attempt: link.attempt, status: "refused", refusal }, outputs];
}

/** The wait in the reason of a rate-limit close: "rate limited: retry after 2s". */
function waitIn(reason: string): number {
  const found = /(\d+(?:\.\d+)?)(ms|s|m)\b/.exec(reason);
  if (!found) return limitedWait;
  return Number(found[1]) * ({ ms: 1, s: 1000, m: 60_000 }[found[2] ?? "s"] ?? 1000);
}
