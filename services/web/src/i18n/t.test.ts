import { expect, test } from "vitest";
import { all } from "./all";
import { t } from "./t";

test("names are filled in, numbers as people write them", () => {
  expect(t("timeline.role", { name: "Ada", role: "admin" })).toBe("Ada is now admin");
  expect(t("rooms.members", { count: 1 })).toBe("1 member");
  expect(t("rooms.members", { count: 1234 })).toBe("1,234 members");
});

test("what somebody is called is not taken for a name of ours", () => {
  expect(t("timeline.role", { name: "{role}", role: "admin" })).toBe("{role} is now admin");
});

test("forms of a text have the same names", () => {
  const names = (text: string) => [...new Set(text.match(/\{\w+\}/g))].sort();
  for (const [key, text] of Object.entries(all)) {
    if (typeof text !== "string") expect(names(text.one), key).toEqual(names(text.other));
  }
});
