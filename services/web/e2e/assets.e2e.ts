// Scripts and styles from elsewhere.
import { expect, test } from "vitest";
import { Person, startBrowser } from "./browser";
import { startNatter } from "./natter";

test("assets come from a CDN, and from nowhere else", async () => {
  const cdn = await startNatter();
  const natter = await startNatter({ NATTER_WEB_ASSETS_URL: cdn.url });
  const browser = await startBrowser();
  const ana = await Person.open(browser, natter.url, "ana");
  const assets: string[] = [];
  ana.context.on("request", (request) => {
    const { origin, pathname } = new URL(request.url());
    if (pathname.startsWith("/assets/")) assets.push(origin);
  });
  const page = await ana.register();
  expect(new Set(assets)).toEqual(new Set([cdn.url]));
  expect(await page.evaluate(() => getComputedStyle(document.body).overflow)).toBe("hidden");
  await ana.close();
  await browser.close();
  await natter.close();
  await cdn.close();
});
