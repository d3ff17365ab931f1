import { afterEach, expect, test, vi } from "vitest";
import { Fault } from "~/protocol/fault";
import { at, Rest } from "./rest.client";

afterEach(() => {
  vi.unstubAllGlobals();
});

/** A server that answers one after the other; returns what it was asked. */
function serve(...answers: (Response | Error)[]) {
  const asked: { path: string; init: RequestInit }[] = [];
  vi.stubGlobal("fetch", async (path: string, init: RequestInit) => {
    asked.push({ path, init });
    const answer = answers.shift() ?? new Error("nothing more was to be asked");
    if (answer instanceof Error) throw answer;
    return answer;
  });
  return asked;
}

const refused = () => new Response(JSON.stringify({ error: { code: "unauthenticated", message: "" } }), { status: 401 });

test("what the server says is wrong is a fault, with its field and wait", async () => {
  const body = { error: { code: "resource_exhausted", message: "too many", field: "name" } };
  serve(new Response(JSON.stringify(body), { status: 429, headers: { "Retry-After": "3" } }));
  const fault = await new Rest().get("/chat/rooms").catch((error: unknown) => error);
  expect(fault).toBeInstanceOf(Fault);
  expect(fault).toMatchObject({ code: "resource_exhausted", message: "too many", field: "name", retryAfterMs: 3000 });
});

test.each([
  ["a proxy's page", new Response("<h1>Bad gateway</h1>", { status: 502 })],
  ["no network", new TypeError("failed to fetch")],
])("%s means unavailable", async (_, answer) => {
  serve(answer);
  await expect(new Rest().get("/chat/rooms")).rejects.toMatchObject({ code: "unavailable" });
});

test("a token that is refused is replaced once", async () => {
  const asked = serve(refused(), new Response("[]"));
  const wanted: boolean[] = [];
  const rest = new Rest({ token: async (fresh) => `t${wanted.push(fresh)}` });
  expect(await rest.get("/chat/rooms", { limit: 5, after: undefined })).toEqual([]);
  expect(wanted).toEqual([false, true]);
  expect(asked.map(({ path, init }) => [path, (init.headers as Record<string, string>).Authorization])).toEqual([
    ["/chat/rooms?limit=5", "Bearer t1"],
    ["/chat/rooms?limit=5", "Bearer t2"],
  ]);
  serve(refused(), refused());
  await expect(rest.get("/chat/rooms")).rejects.toMatchObject({ code: "unauthenticated" });
});

test("an answer without a body is nothing", async () => {
  serve(new Response(null, { status: 204 }));
  expect(await new Rest().call("DELETE", "/x")).toBeUndefined();
});

test("ids are encoded into paths", () => expect(at`/chat/rooms/${"a/b?c"}/messages/${7}`).toBe("/chat/rooms/a%2Fb%3Fc/messages/7"));
