import { expect, test, vi } from "vitest";
import { Fault } from "~/protocol/fault";
import { Uploads } from "./uploads.client";

interface Call {
  path: string;
  progress(part: number): void;
  signal: AbortSignal;
  answer(file: object): void;
  fail(error: unknown): void;
}

function server() {
  const calls: Call[] = [];
  const deleted: string[] = [];
  const uploads = new Uploads({
    upload: <T>(path: string, _: Blob, progress: (part: number) => void, signal: AbortSignal) =>
      new Promise<T>((resolve, reject) => {
        calls.push({ path, progress, signal, answer: (file) => resolve(file as T), fail: reject });
      }),
    call: async <T>(method: string, path: string) => {
      deleted.push(`${method} ${path}`);
      return undefined as T;
    },
  });
  return {
    uploads,
    calls,
    deleted,
    states: () => uploads.store.getState().map(({ name, progress, failure }) => [name, progress, failure]),
  };
}

const file = (name: string, type = "text/plain") => new File(["hello"], name, { type });

test("a file is uploaded, shows how far it is, and is taken to be sent", async () => {
  const { uploads, calls, states } = server();
  uploads.add("garden", 0, [file("a b.txt"), file("cat.png", "image/png")]);
  expect(calls[0]?.path).toBe("/chat/rooms/garden/files?name=a+b.txt");
  calls[0]?.progress(0.5);
  expect(states()).toEqual([
    ["a b.txt", 0.5, ""],
    ["cat.png", 0, ""],
  ]);
  expect(uploads.take("garden", 0)).toEqual([]);
  calls[0]?.answer({ id: "f1", type: "text/plain" });
  calls[1]?.answer({ id: "f2", type: "image/png" });
  await vi.waitFor(() => expect(uploads.store.getState().every((u) => u.file)).toBe(true));
  expect(uploads.take("garden", 9)).toEqual([]);
  expect(uploads.take("garden", 0)).toEqual([
    { fileUrl: "/files/f1", type: "file" },
    { fileUrl: "/files/f2", type: "image" },
  ]);
  expect(states()).toEqual([]);
});

test("one that fails says why, and is tried again", async () => {
  const { uploads, calls, states } = server();
  uploads.add("garden", 0, [file("big")]);
  calls[0]?.fail(new Fault("resource_exhausted", "the file is too large"));
  await vi.waitFor(() => expect(states()).toEqual([["big", 0, "the file is too large"]]));
  uploads.retry(1);
  expect(calls).toHaveLength(2);
  expect(states()).toEqual([["big", 0, ""]]);
});

test("cancelled, it stops; what the server has is deleted there", async () => {
  const { uploads, calls, deleted, states } = server();
  uploads.add("garden", 0, [file("a"), file("b")]);
  uploads.cancel(1);
  expect(calls[0]?.signal.aborted).toBe(true);
  calls[0]?.fail(calls[0].signal.reason);
  calls[1]?.answer({ id: "f2" });
  await vi.waitFor(() => expect(uploads.store.getState()[0]?.file).toBeDefined());
  uploads.cancel(2);
  expect([states(), deleted]).toEqual([[], ["DELETE /files/f2"]]);
});

test("three at a time, the others wait their turn", async () => {
  const { uploads, calls } = server();
  uploads.add(
    "garden",
    0,
    ["a", "b", "c", "d", "e"].map((name) => file(name)),
  );
  expect(calls).toHaveLength(3);
  uploads.cancel(4);
  calls[1]?.answer({ id: "f2" });
  await vi.waitFor(() => expect(calls.map((c) => c.path.slice(-1)).join("")).toBe("abce"));
});
