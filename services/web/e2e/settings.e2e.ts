// Settings of oneself, of a room, and of the server; what calls.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Account } from "./account";
import { accessible } from "./axe";
import { Person, phone, startBrowser } from "./browser";
import { type Natter, startNatter } from "./natter";

let natter: Natter;
let browser: Browser;
let owner: Account;
let ben: Account;
let roomId: string;

beforeAll(async () => {
  [natter, browser] = await Promise.all([startNatter(), startBrowser()]);
  owner = await Account.register(natter.url, "ana");
  ben = await Account.register(natter.url, "ben");
  await Account.register(natter.url, "cyd");
  roomId = await owner.createRoom("garden", ben);
});
afterAll(async () => {
  await browser?.close();
  await natter?.close();
});

test("a room: its topic, a ban that is lifted, an invitation, an invite link", async () => {
  const ana = await Person.open(browser, natter.url, "ana");
  const page = await ana.signIn(`/rooms/${roomId}`);
  await page.getByRole("button", { name: "Settings of garden" }).click();
  await page.getByLabel("Topic").fill("tomatoes");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved.").waitFor();
  await accessible(page);

  await page.getByRole("link", { name: "Members" }).click();
  await page.getByLabel("Role of ben").selectOption("moderator");
  await page.getByLabel("Search members").fill("BE");
  expect(await page.getByText("1 of 2").count()).toBe(1);
  await accessible(page);
  await page.getByRole("button", { name: "Actions for ben" }).click();
  await page.getByRole("menuitem", { name: "Ban…" }).click();
  await page.getByLabel("For how long").selectOption("86400");
  await page.getByLabel("Reason").fill("trampled the beds");
  await page.getByRole("button", { name: "Ban", exact: true }).click();
  await page.getByRole("heading", { name: "Nobody is called that" }).waitFor();

  await page.getByRole("link", { name: "Bans" }).click();
  await page.getByText("trampled the beds").waitFor();
  await accessible(page);
  await page.getByRole("button", { name: "Lift the ban of ben" }).click();
  await page.getByRole("heading", { name: "Nobody is banned" }).waitFor();

  await page.getByRole("link", { name: "Invitations" }).click();
  await page.getByRole("searchbox", { name: "Name" }).fill("cy");
  await page.getByRole("button", { name: "Invite cyd" }).click();
  await page.getByRole("button", { name: "Take back: invitation of cyd" }).waitFor();
  await page.getByRole("button", { name: "Create a link" }).click();
  expect(await page.getByRole("textbox", { name: "Invite link" }).inputValue()).toMatch(/\/join#./);
  await accessible(page);
  await ana.close();
});

test("on a phone: the list of sections, a section, and back", async () => {
  const ana = await Person.open(browser, natter.url, "ana", phone);
  const page = await ana.signIn();
  await page.getByRole("link", { name: /garden/ }).click();
  await page.getByRole("button", { name: "Settings of garden" }).click();
  await accessible(page);
  await page.getByRole("link", { name: "Members" }).click();
  await page.getByRole("button", { name: "garden" }).waitFor();
  expect(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)).toBe(false);
  await accessible(page);
  await page.getByRole("button", { name: "garden" }).click();
  await page.getByRole("button", { name: "Back to the room" }).click();
  await page.getByRole("textbox", { name: "Message to garden" }).waitFor();
  await ana.close();
});

test("an administrator closes an account, invites, and reads the log; others see nothing of it", async () => {
  const ana = await Person.open(browser, natter.url, "ana");
  const page = await ana.signIn();
  await page.goto("/administration");
  await page.getByLabel("Search by name or address").fill("cyd@");
  await page.getByRole("button", { name: "Actions for cyd" }).click();
  await page.getByRole("menuitem", { name: "Close the account…" }).click();
  await page.getByRole("button", { name: "Close account" }).click();
  await page.getByText("Closed").waitFor();
  await accessible(page);
  await page.getByRole("link", { name: "Invitations" }).click();
  await page.getByLabel("Note").fill("for the neighbours");
  await page.getByRole("button", { name: "Create invitation" }).click();
  await page.getByText("for the neighbours").waitFor();
  await accessible(page);
  await page.getByRole("link", { name: "Security log" }).click();
  await page.getByLabel("What happened").selectOption("user_deactivated");
  await page.getByText("cyd · Account closed").waitFor();
  expect(await page.getByText("by ana").count()).toBe(1);
  expect(page.url()).toContain("kind=user_deactivated");
  await accessible(page);
  await ana.close();

  const other = await Person.open(browser, natter.url, "ben");
  const denied = await other.signIn();
  await denied.goto("/administration");
  await denied.getByRole("heading", { name: "This is for administrators" }).waitFor();
  await other.close();
});

test("a status, the theme, notifications of a room; the title counts what calls", async () => {
  const other = await Person.open(browser, natter.url, "ben");
  const page = await other.signIn();
  await page.getByRole("button", { name: /Your account/ }).click();
  await page.getByRole("menuitem", { name: "Set a status" }).click();
  await page.getByRole("button", { name: /In a meeting/ }).click();
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("button", { name: /In a meeting/ }).waitFor();
  await page.goto("/settings");
  for (const section of ["Profile", "Notifications", "Sessions", "Security", "Bots and API tokens", "Account", "Appearance"]) {
    await page.getByRole("link", { name: section }).click();
    await page.getByRole("heading", { name: section, level: 1 }).waitFor();
    await page.getByRole("region").first().waitFor();
    await accessible(page);
  }
  await page.getByLabel("Dark").check();
  await page.getByLabel("Compact").check();
  await page.reload();
  expect(await page.evaluate(() => ({ ...document.documentElement.dataset }))).toMatchObject({ theme: "dark", density: "compact" });

  await owner.call("POST", `/chat/rooms/${roomId}/members`, { userId: ben.id });
  await page.goto("/rooms");
  await page.getByRole("link", { name: /garden/ }).waitFor();
  await owner.say(roomId, "nobody is called");
  await owner.say(roomId, "@ben come");
  await page.waitForFunction(() => document.title === "(1) Natter");
  await page.getByRole("link", { name: /garden/ }).click();
  await page.getByRole("log").getByRole("button", { name: "ana", exact: true }).first().click();
  const card = page.getByRole("dialog", { name: "Profile of ana" });
  await card.getByText(/Offline|Last seen/).waitFor();
  await accessible(page);
  await card.getByRole("button", { name: "Mention" }).click();
  await expect.poll(() => page.getByRole("textbox", { name: "Message to garden" }).inputValue()).toBe("@ana ");
  await other.close();
});

test("nothing that the API says is kept for a start without a network", async () => {
  const other = await Person.open(browser, natter.url, "ben");
  const page = await other.signIn();
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.reload();
  await page.getByRole("link", { name: /garden/ }).waitFor();
  const kept = await page.evaluate(async () => {
    const names = await caches.keys();
    const all = await Promise.all(
      names.map(async (name) => (await (await caches.open(name)).keys()).map(({ url }) => new URL(url).pathname)),
    );
    return all.flat();
  });
  expect(kept).toContain("/");
  expect(kept.filter((path) => path !== "/" && !path.startsWith("/assets/"))).toEqual([]);
  await other.close();
});
