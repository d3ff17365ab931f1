// What people do with messages that are there: edit, react, answer, find.
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Account } from "./account";
import { Person, say, sees, startBrowser } from "./browser";
import { type Natter, startNatter } from "./natter";

let natter: Natter;
let browser: Browser;
let ana: Account;
let ben: Account;

beforeAll(async () => {
  [natter, browser] = await Promise.all([startNatter({ NATTER_HTTP_RATE_WRITE: "off" }), startBrowser()]);
  [ana, ben] = await Promise.all([Account.register(natter.url, "ana"), Account.register(natter.url, "ben")]);
});
afterAll(async () => {
  await browser?.close();
  await natter?.close();
});

const row = (page: Page, text: string) => page.getByRole("article").filter({ hasText: text });

/** Chooses something in the menu of a message. */
async function choose(page: Page, text: string, item: string): Promise<void> {
  // An answer quotes it.
  await row(page, text).first().click({ button: "right" });
  await page.getByRole("menuitem", { name: item }).click();
}

test("edit, react, reply, delete, and a thread, while somebody else looks on", async () => {
  const roomId = await ana.createRoom("garden", ben);
  await ana.say(roomId, "The tomatos are ripe");
  const [a, b] = await Promise.all([Person.open(browser, natter.url, "ana"), Person.open(browser, natter.url, "ben")]);
  const [mine, theirs] = await Promise.all([a.signIn(`/rooms/${roomId}`), b.signIn(`/rooms/${roomId}`)]);
  await Promise.all([sees(mine, "The tomatos are ripe"), sees(theirs, "The tomatos are ripe")]);

  // By the keyboard: e on the focused message.
  await row(mine, "tomatos").focus();
  await mine.keyboard.press("e");
  const box = mine.getByRole("textbox", { name: "Edit the message" });
  await box.fill("The **tomatoes** are ripe");
  await box.press("Enter");
  await theirs.getByRole("log").locator("strong", { hasText: "tomatoes" }).waitFor();
  await row(theirs, "(edited)").waitFor();

  await row(theirs, "tomatoes").hover();
  await theirs.getByRole("button", { name: "React with 👍" }).click();
  const pill = mine.getByRole("button", { name: "👍: 1 reaction" });
  await pill.click();
  await theirs.getByRole("button", { name: "👍: 2 reactions" }).waitFor();

  await choose(theirs, "tomatoes", "Reply R");
  await say(theirs, "I take two");
  await row(mine, "I take two").getByRole("button", { name: "ana The tomatoes are ripe" }).waitFor();
  await mine.getByRole("img", { name: "Read by ben" }).waitFor();

  await choose(mine, "I take two", "Reply in thread");
  const thread = mine.getByRole("complementary", { name: "Thread" });
  await thread.getByRole("textbox").fill("Only two?");
  await thread.getByRole("textbox").press("Enter");
  await thread.getByRole("log").getByText("Only two?").waitFor();
  await row(theirs, "I take two").getByRole("button", { name: "1 reply" }).click();
  await theirs.getByRole("complementary").getByText("Only two?").waitFor();
  await thread.getByRole("button", { name: "Close" }).click();

  await choose(mine, "tomatoes are ripe", "Delete Del");
  await mine.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await theirs.getByRole("log", { name: "Messages" }).getByText("This message was deleted.").first().waitFor();

  await Promise.all([a.close(), b.close()]);
});

test("opens at the first unread message, loads both ways without a jump, and goes to a link and back", async () => {
  const roomId = await ben.createRoom("archive", ana);
  for (let i = 1; i <= 160; i++) await ben.say(roomId, `line ${i} of the archive`);
  const a = await Person.open(browser, natter.url, "ana");
  const page = await a.signIn(`/rooms/${roomId}`);
  await sees(page, "line 1 of the archive");
  await page.getByText("New", { exact: true }).waitFor();
  expect(await page.getByText("line 160 of the archive").count()).toBe(0);

  await page.getByRole("button", { name: /new messages|latest/ }).click();
  await page.getByRole("button", { name: /new messages|latest/ }).waitFor({ state: "detached" });
  await sees(page, "line 160 of the archive");

  // What is on the screen stays where it is while older pages come in above it.
  const log = page.getByRole("log");
  await log.hover();
  for (let i = 0; i < 60 && (await page.getByText("line 20 of the archive").count()) === 0; i++) {
    const before = await settled(page);
    await page.mouse.wheel(0, -400);
    const after = await settled(page);
    // At the top there may be less than that to go, until the next page is there.
    const moved = [...after].flatMap(([text, y]) => y - (before.get(text) ?? Number.NaN)).filter((by) => !Number.isNaN(by));
    expect(moved.length).toBeGreaterThan(0);
    expect(Math.max(...moved)).toBeLessThan(404);
    expect(Math.max(...moved) - Math.min(...moved)).toBeLessThan(2);
  }
  await sees(page, "line 20 of the archive");

  await page.goto(`/rooms/${roomId}?at=${await seqOf(roomId, "line 90 of the archive")}`);
  await sees(page, "line 90 of the archive");
  const rendered = await log.locator("article").count();
  expect(rendered).toBeLessThan(80);
  await a.close();
});

/** Where messages are on the screen, by their texts. */
async function places(page: Page): Promise<Map<string, number>> {
  return new Map(
    await page
      .getByRole("log")
      .locator("article")
      .evaluateAll((rows) =>
        rows.flatMap((r): [string, number][] => {
          const { top, bottom } = r.getBoundingClientRect();
          return bottom > 100 && top < 700 ? [[/line \d+ /.exec(r.textContent ?? "")?.[0] ?? "", top]] : [];
        }),
      ),
  );
}

/** Where they are once nothing moves. */
async function settled(page: Page): Promise<Map<string, number>> {
  let before = await places(page);
  for (;;) {
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
    const now = await places(page);
    if (JSON.stringify([...now]) === JSON.stringify([...before])) return now;
    before = now;
  }
}

async function seqOf(roomId: string, text: string): Promise<number> {
  for (let before: number | undefined; ; ) {
    const page = await ben.call("GET", `/chat/rooms/${roomId}/messages?limit=100${before ? `&before=${before}` : ""}`);
    const found = page.find((m: { content: string }) => m.content === text);
    if (found) return found.seq;
    before = page.at(-1).seq;
  }
}
