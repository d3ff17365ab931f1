// What axe finds on a page.
import axe from "axe-core";
import type { Page } from "playwright-core";
import { expect } from "vitest";

/** Tags and rules of axe. In the dark, only colours are others. */
const everything = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
export const rulesOf = { light: everything, dark: ["color-contrast"] };

/** What axe finds of WCAG 2.2 AA, as text: rule, and where. */
export async function problems(page: Page, rules = everything): Promise<string[]> {
  // By the debugger's hand: the policy of the page lets no foreign script in.
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(
    (runOnly) =>
      // biome-ignore lint/suspicious/noExplicitAny: it is in the page
      (window as any).axe.run(document, { runOnly }),
    rules,
  );
  return violations.flatMap((v: axe.Result) => v.nodes.map((node) => `${page.url()}: ${v.id} (${v.impact}): ${node.target.join(" ")}`));
}

/** Fails when axe finds something. */
export const accessible = async (page: Page): Promise<void> => expect(await problems(page)).toEqual([]);
