import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Auth } from "./auth.client";

/** A token as the server makes them, by a clock that may be wrong. */
const tokenOf = (name: string, seconds: number, issued = 1_000_000) =>
  `h.${btoa(JSON.stringify({ sub: name, iat: issued, exp: issued + seconds })).replaceAll("=", "")}.s`;

/** What the server answers to each path; what it was asked. */
let answers: Record<string, () => Response>;
let asked: string[];
let refreshes: number;
let tabs: Auth[];

const json = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status });
const signedIn = (token: string, id = "u1") => json({ access_token: token, user: { id, username: id } });
const refused = () => json({ error: { code: "unauthenticated", message: "sign in first" } }, 401);

beforeEach(() => {
  [asked, tabs, refreshes] = [[], [], 0];
  answers = { "/auth/refresh": () => signedIn(tokenOf(`refreshed ${++refreshes}`, 600)), "/auth/logout": () => json({}) };
  // Without Web Locks, the tabs of one process take turns all the same.
  vi.stubGlobal("navigator", {});
  vi.stubGlobal("fetch", async (path: string) => {
    asked.push(path);
    return answers[path]?.() ?? refused();
  });
});
afterEach(() => {
  for (const tab of tabs) tab.close();
  vi.unstubAllGlobals();
});

const tab = (): Auth => {
  const auth = new Auth();
  tabs.push(auth);
  return auth;
};

test("the cookie brings a session back", async () => {
  const auth = tab();
  expect((await auth.restore())?.id).toBe("u1");
  await auth.token(false);
  expect(asked).toEqual(["/auth/refresh"]);
});

test("without one nobody is signed in, and that is no error", async () => {
  answers["/auth/refresh"] = refused;
  expect(await tab().restore()).toBeUndefined();
});

test("a server that cannot be reached has signed nobody out", async () => {
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("no network")));
  await expect(tab().restore()).rejects.toMatchObject({ code: "unavailable" });
});

test("who asks at the same time gets the same token", async () => {
  const auth = tab();
  const [first, second] = await Promise.all([auth.token(true), auth.token(true)]);
  expect(first).toBe(second);
  expect(asked).toEqual(["/auth/refresh"]);
});

test("another tab's token is everybody's", async () => {
  const [first, second] = [tab(), tab()];
  const token = await first.token(false);
  await vi.waitFor(() => expect(second.user?.id).toBe("u1"));
  expect(await second.token(false)).toBe(token);
  expect(asked).toEqual(["/auth/refresh"]);
});

test("a token that is about to end is replaced, whatever the server's clock says", async () => {
  answers["/auth/login"] = () => signedIn(tokenOf("short", 20));
  const auth = tab();
  await auth.signIn({ email: "a", password: "b" });
  expect(await auth.token(false)).toBe(tokenOf("refreshed 1", 600));
  expect(await auth.token(false)).toBe(tokenOf("refreshed 1", 600));
});

test("signing out signs out all tabs", async () => {
  const [first, second] = [tab(), tab()];
  const seen: (string | undefined)[] = [];
  second.subscribe((user) => seen.push(user?.id));
  await first.token(false);
  await vi.waitFor(() => expect(seen).toEqual(["u1"]));
  await first.signOut();
  await vi.waitFor(() => expect(seen).toEqual(["u1", undefined]));
  expect(first.user).toBeUndefined();
});

test("a session that has ended elsewhere is noticed when its token is replaced", async () => {
  const auth = tab();
  await auth.token(false);
  answers["/auth/refresh"] = refused;
  await expect(auth.token(true)).rejects.toMatchObject({ code: "unauthenticated" });
  expect(auth.user).toBeUndefined();
});

test("a server that wants the e-mail address verified first signs nobody in", async () => {
  answers["/auth/register"] = () => json({ access_token: "", user: { id: "u1" } }, 201);
  await expect(tab().register({ email: "a", username: "b", password: "c" })).rejects.toMatchObject({ code: "email_not_verified" });
});
