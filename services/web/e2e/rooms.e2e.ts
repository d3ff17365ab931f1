// The list of rooms and what leads to them: filter, keys, switcher, browsing, invitations, conversations; the search.
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Account } from "./account";
import { Person, startBrowser } from "./browser";
import { type Natter, startNatter } from "./natter";

let natter: Natter;
let browser: Browser;
let ana: Account;
let ben: Account;
const rooms: Record<string, string> = {};

beforeAll(async () => {
  [natter, browser] = await Promise.all([startNatter(), startBrowser()]);
  ana = await Account.register(natter.url, "ana");
  ben = await Account.register(natter.url, "ben");
  for (const name of ["attic", "bath", "cellar"]) rooms[name] = await ana.createRoom(name, ben);
});
afterAll(async () => {
  await browser?.close();
  await natter?.close();
});

const at = (page: Page, name: string) => page.locator("main").getByRole("heading", { name, exact: true }).waitFor();

test("rooms are found by filter, keys and switcher, and marked as read", async () => {
  await ben.say(rooms.cellar ?? "", "@ana look here");
  const person = await Person.open(browser, natter.url, "ana");
  const page = await person.signIn();
  const list = page.getByRole("navigation", { name: "Your rooms" });

  await page.keyboard.press("Alt+ArrowDown");
  await at(page, "attic");
  await page.keyboard.press("Alt+ArrowDown");
  await at(page, "bath");
  await list.getByRole("link", { name: /cellar.*1 unread mention/ }).waitFor();
  await page.keyboard.press("Alt+Shift+ArrowDown");
  await at(page, "cellar");
  await page.keyboard.press("Escape");
  await list.getByRole("link", { name: "cellar", exact: true }).waitFor();

  await page.keyboard.press("Control+k");
  const switcher = page.getByRole("combobox", { name: "Room or person" });
  // The room before comes first: twice the same keys go there and back.
  await page.getByRole("option", { selected: true, name: "bath" }).waitFor();
  await switcher.fill("atc");
  await page.getByRole("option", { name: "attic" }).waitFor();
  await switcher.press("Enter");
  await at(page, "attic");

  await list.getByLabel("Filter rooms").fill("LLA");
  await list.getByRole("link", { name: "attic" }).waitFor({ state: "detached" });
  await list.getByLabel("Filter rooms").press("Enter");
  await at(page, "cellar");

  await list.getByRole("link", { name: "bath" }).hover();
  await list.getByRole("button", { name: "Options of bath" }).click();
  await page.getByRole("menuitem", { name: "Add to favourites" }).click();
  await list.getByRole("region", { name: "Favourites" }).getByRole("link", { name: "bath" }).waitFor();
  await page.keyboard.press("Control+/");
  await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
  await person.close();
});

test("rooms to join, an invitation, a conversation and a group", async () => {
  await ben.call("POST", "/chat/rooms", { name: "library", topic: "books" });
  const secret = await ben.call("POST", "/chat/rooms", { name: "secret", isPrivate: true });
  const person = await Person.open(browser, natter.url, "ana");
  const page = await person.signIn();
  const list = page.getByRole("navigation", { name: "Your rooms" });

  await ben.call("POST", `/chat/rooms/${secret.id}/invitations`, { userId: ana.id });
  await list.getByRole("button", { name: "Accept the invitation to secret" }).click();
  await at(page, "secret");

  await list.getByRole("button", { name: "Browse rooms" }).click();
  await page.getByLabel("Search by name or topic").fill("book");
  await page.getByRole("button", { name: "Join library" }).click();
  await at(page, "library");

  await list.getByRole("button", { name: "New message" }).click();
  const people = page.getByRole("combobox", { name: "To" });
  await people.fill("be");
  await page.getByRole("option", { name: "ben" }).waitFor();
  await people.press("Enter");
  await page.getByRole("button", { name: "Open the conversation" }).click();
  await at(page, "ben");
  await list.getByRole("region", { name: "Direct messages" }).getByRole("link", { name: "ben" }).waitFor();

  const ben2 = await Person.open(browser, natter.url, "ben");
  await ben2.signIn();
  await list.getByRole("img", { name: "online" }).waitFor();
  await Promise.all([person.close(), ben2.close()]);
});

test("what was said is found, and what is wrong with a query shown", async () => {
  const seq = await ben.say(rooms.bath ?? "", "the tap of the tub drips");
  await ben.say(rooms.bath ?? "", "no more", { thread: seq });
  const person = await Person.open(browser, natter.url, "ana");
  const page = await person.signIn("/rooms/search");
  const field = page.getByRole("searchbox", { name: "Search messages" });
  await page.getByRole("button", { name: "From", exact: true }).click();
  await page.getByRole("menuitem", { name: "ben" }).click();
  expect(await field.inputValue()).toBe("from:ben");
  await field.fill("from:ben drip");
  // The index is a moment behind.
  const hit = page.getByRole("link", { name: /the tap of the tub drips/ });
  await hit.waitFor();
  expect(await hit.locator("mark").textContent()).toBe("drips");
  await field.fill("drip has:cheese");
  await page.getByRole("alert").getByText("has: is followed by").waitFor();
  await page.getByRole("button", { name: "Remove has: cheese" }).click();
  await hit.click();
  await at(page, "bath");
  expect(page.url()).toContain(`/rooms/${rooms.bath}`);
  await page.goBack();
  expect(await field.inputValue()).toBe("drip");

  await page.getByRole("link", { name: "Mentions" }).click();
  await page.getByRole("link", { name: /@ana look here/ }).waitFor();
  await page.getByRole("link", { name: "Threads" }).click();
  await page.getByText("No threads yet").waitFor();
  await person.close();
});
