import { t } from "~/i18n/t";

let shown = 0;

/** Shows how many messages call in the title of the page, on its icon, and on that of the installed app. */
export function showCount(count: number): void {
  if (count === shown) return;
  shown = count;
  const title = t("common.name");
  document.title = count > 0 ? t("notify.titleCount", { count: count > 99 ? "99+" : count, title }) : title;
  const icon = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  if (icon) icon.href = count > 0 ? "/favicon-unread.svg" : "/favicon.svg";
  if ("setAppBadge" in navigator) void (count > 0 ? navigator.setAppBadge(count) : navigator.clearAppBadge()).catch(() => {});
}
