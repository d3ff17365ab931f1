import { describe, expect, test } from "vitest";
import { type Input, type Link, nextTick, noLink, type Output, step } from "./link";

/** Runs inputs at given times; random is what back-off rolls. */
function run(inputs: [at: number, input: Input][], from: Link = noLink, random = 0.5): { link: Link; outputs: Output[] } {
  const outputs: Output[] = [];
  const link = inputs.reduce((before, [at, input]) => {
    const [after, more] = step(before, input, at, random);
    outputs.push(...more);
    return after;
  }, from);
  return { link, outputs };
}

const welcome: Input = { kind: "frame", frame: { welcome: { pingSeconds: 25 } } };
const pong: Input = { kind: "frame", frame: { id: 1, pong: {} } };
const token: Input = { kind: "token" };
const tick: Input = { kind: "tick" };
const close = (code: number, reason = ""): Input => ({ kind: "closed", code, reason });
const connecting: [number, Input][] = [
  [0, { kind: "start" }],
  [10, token],
  [20, { kind: "opened" }],
];
const live = run([...connecting, [30, welcome]]).link;

test("a connection begins with a token, a handshake and a welcome", () => {
  const { link, outputs } = run([...connecting, [30, welcome]]);
  expect(link.status).toBe("live");
  expect(outputs).toEqual([{ kind: "askToken", fresh: false }, { kind: "dial" }, { kind: "hello", first: true }]);
});

test.each([
  ["token", connecting.slice(0, 1)],
  ["handshake", connecting.slice(0, 2)],
  ["welcome", connecting],
])("without a %s it gives up and waits", (_, inputs) => {
  const before = run(inputs).link;
  const { link, outputs } = run([[nextTick(before), tick]], before);
  expect(link.status).toBe("waiting");
  expect(outputs).toEqual([{ kind: "hangUp" }]);
});

describe("silence", () => {
  test("is asked about, then ends the connection", () => {
    const asked = run([[nextTick(live), tick]], live);
    expect(asked.outputs).toEqual([{ kind: "ping" }]);
    const answered = run([[nextTick(asked.link) - 1, pong]], asked.link);
    expect(answered.link.pinged).toBe(false);
    const silent = run([[nextTick(asked.link), tick]], asked.link);
    expect(silent.link.status).toBe("waiting");
    expect(silent.outputs).toEqual([{ kind: "hangUp" }]);
  });

  test("a tick that comes early does nothing", () => expect(run([[nextTick(live) - 1, tick]], live)).toEqual({ link: live, outputs: [] }));

  test("when somebody looks, an answer has to come soon, however long a ping is under way", () => {
    const woken = run([[1000, { kind: "wake" }]], live);
    expect(woken.outputs).toEqual([{ kind: "ping" }]);
    expect(nextTick(woken.link)).toBe(6000);
    const asked = run([[nextTick(live), tick]], live).link;
    const again = run([[nextTick(live) + 1000, { kind: "wake" }]], asked);
    expect(again.outputs).toEqual([]);
    expect(nextTick(again.link)).toBe(nextTick(live) + 6000);
  });
});

describe("close codes", () => {
  test.each([1001, 1006, 1011, 1012, 4000, 4008, 4012, 4013, 4014, 4099])("%d: reconnect after a while", (code) => {
    const { link, outputs } = run([[100, close(code)]], live);
    expect(link.status).toBe("waiting");
    expect(outputs).toEqual([]);
    const later = run([[nextTick(link), tick]], link);
    expect(later.outputs).toEqual([{ kind: "askToken", fresh: false }]);
  });

  test("4029: not before the server says", () => {
    const { link } = run([[100, close(4029, "rate limited: retry after 7s")]], live);
    expect(nextTick(link)).toBe(7100);
  });

  test("4101: with a fresh token at once, but not twice", () => {
    const first = run([[100, close(4101)]], live);
    expect(first.link.status).toBe("authorising");
    expect(first.outputs).toEqual([{ kind: "askToken", fresh: true }]);
    const second = run(
      [
        [110, token],
        [120, { kind: "opened" }],
        [130, close(4101)],
      ],
      first.link,
    );
    expect(second.link).toMatchObject({ status: "refused", refusal: "signed_out" });
    expect(second.outputs).toContainEqual({ kind: "signedOut" });
  });

  test.each([
    [4103, "signed_out"],
    [4109, "too_many"],
    [4100, "protocol"],
    [4199, "protocol"],
    [1009, "protocol"],
  ])("%d: %s, and no other attempt", (code, refusal) => {
    const { link } = run([[100, close(code)]], live);
    expect(link).toMatchObject({ status: "refused", refusal });
    expect(
      run(
        [
          [1e9, tick],
          [1e9, { kind: "wake" }],
        ],
        link,
      ).outputs,
    ).toEqual([]);
    expect(run([[1e9, { kind: "start" }]], link).outputs).toEqual([{ kind: "askToken", fresh: false }]);
  });
});

describe("back-off", () => {
  const failOnce = (link: Link, random: number) => {
    const at = nextTick(link);
    return run(
      [
        [at, tick],
        [at, token],
        [at, close(1006)],
      ],
      link,
      random,
    ).link;
  };

  test("is anything up to a limit that doubles", () => {
    let [shortest, longest] = [run([[100, close(1006)]], live, 0).link, run([[100, close(1006)]], live, 0.999).link];
    const waits: number[] = [];
    for (let i = 0; i < 8; i++) {
      const before = nextTick(longest);
      [shortest, longest] = [failOnce(shortest, 0), failOnce(longest, 0.999)];
      expect(nextTick(shortest)).toBe(100);
      waits.push(Math.round((nextTick(longest) - before) / 1000));
    }
    expect(waits).toEqual([2, 4, 8, 16, 30, 30, 30, 30]);
  });

  test("begins anew after a connection that was stable, not after one that was not", () => {
    const tired = { ...live, attempt: 5 };
    expect(run([[5000, close(1006)]], tired).link.attempt).toBe(6);
    expect(run([[60_000, close(1006)]], tired).link.attempt).toBe(1);
  });

  test("ends when the device is online again", () => {
    const { link } = run([[100, close(1006)]], live, 0.9);
    expect(run([[101, { kind: "wake" }]], link).outputs).toEqual([{ kind: "askToken", fresh: false }]);
  });

  test("waits also for a server that gives no token", () => {
    const { link } = run([
      [0, { kind: "start" }],
      [10, { kind: "noToken", signedOut: false }],
    ]);
    expect(link.status).toBe("waiting");
  });
});

describe("goAway", () => {
  const told = run([[100, { kind: "frame", frame: { goAway: { reconnectAfterMs: 1840 } } }]], live).link;

  test("reconnects in its slot, at once", () => {
    expect(told.status).toBe("live");
    expect(nextTick(told)).toBe(1940);
    const { outputs } = run([[1940, tick]], told);
    expect(outputs).toEqual([{ kind: "hangUp" }, { kind: "askToken", fresh: false }]);
  });

  test("keeps its slot when the connection ends before", () => {
    const { link } = run([[200, close(4012)]], told, 0.1);
    expect(nextTick(link)).toBe(1940);
  });
});

test("a token that is about to end is replaced on the open connection", () => {
  const { link, outputs } = run(
    [
      [100, { kind: "frame", frame: { tokenExpiring: {} } }],
      [200, token],
    ],
    live,
  );
  expect(link.status).toBe("live");
  expect(outputs).toEqual([
    { kind: "askToken", fresh: true },
    { kind: "hello", first: false },
  ]);
});

test("without a token for an open connection it stays; without a session it ends", () => {
  expect(run([[100, { kind: "noToken", signedOut: false }]], live).link).toEqual(live);
  expect(run([[100, { kind: "noToken", signedOut: true }]], live).link.refusal).toBe("signed_out");
});

test("what comes after stop does nothing", () => {
  const { link } = run([[100, { kind: "stop" }]], live);
  expect(
    run(
      [
        [200, token],
        [200, welcome],
        [200, close(1006)],
        [1e9, tick],
        [1e9, { kind: "wake" }],
      ],
      link,
    ),
  ).toEqual({ link: noLink, outputs: [] });
});
