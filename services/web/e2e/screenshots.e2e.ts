// Pictures of the main pages, light and dark, on a desktop and a phone.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, test } from "vitest";
import { Account } from "./account";
import { desktop, Person, phone, screenshot, sees, startBrowser } from "./browser";
import { type Natter, startNatter } from "./natter";

let natter: Natter;
let browser: Browser;
let garden = "";

beforeAll(async () => {
  [natter, browser] = await Promise.all([startNatter(), startBrowser()]);
  const [ana, ben, cyd] = await Promise.all(["ana", "ben", "cyd"].map((name) => Account.register(natter.url, name)));
  if (!ana || !ben || !cyd) throw new Error("nobody is there");
  garden = await ana.createRoom("garden", ben, cyd);
  await ana.createRoom("kitchen", ben);
  const travel = await ben.createRoom("travel", ana, cyd);
  await ben.say(travel, "@ana the train leaves at nine");
  await ana.say(garden, "Good morning! Who waters the tomatoes this week?");
  await ben.say(garden, "I can, until Thursday.");
  await cyd.say(garden, "And I take the weekend 🍅");
  await ana.say(
    garden,
    "Perfect. The key hangs behind the door of the shed, next to the gloves. Please close the tap firmly, it drips otherwise.",
  );
});
afterAll(async () => {
  await browser?.close();
  await natter?.close();
});

test.for([
  ["desktop", "light"],
  ["desktop", "dark"],
  ["phone", "light"],
  ["phone", "dark"],
] as const)("%s, %s", async ([device, theme]) => {
  const ana = await Person.open(browser, natter.url, "ana", device === "phone" ? phone : desktop, theme);
  const page = await ana.tab("/sign-in");
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  await screenshot(page, `sign-in-${device}-${theme}`);
  await page.close();
  const rooms = await ana.signIn();
  await rooms.getByRole("link", { name: /garden/ }).waitFor();
  await screenshot(rooms, `rooms-${device}-${theme}`);
  await rooms.getByRole("link", { name: /garden/ }).click();
  await sees(rooms, "I can, until Thursday.");
  await screenshot(rooms, `room-${device}-${theme}`);
  await rooms.goto("/settings");
  await rooms.getByRole("heading", { name: "Settings" }).waitFor();
  await screenshot(rooms, `settings-${device}-${theme}`);
  await ana.close();
});
