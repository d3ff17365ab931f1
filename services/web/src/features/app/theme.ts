export type Theme = "system" | "light" | "dark";

const key = "natter-theme";

/** Runs in the page before anything is drawn, so that nobody who chose the dark sees white. */
export const applyThemeEarly = `try{const t=localStorage.getItem("${key}");if(t)document.documentElement.dataset.theme=t}catch{};`;

export const chosenTheme = (): Theme => {
  const chosen = document.documentElement.dataset.theme;
  return chosen === "light" || chosen === "dark" ? chosen : "system";
};

export function chooseTheme(theme: Theme): void {
  if (theme === "system") {
    delete document.documentElement.dataset.theme;
    localStorage.removeItem(key);
  } else {
    document.documentElement.dataset.theme = theme;
    localStorage.setItem(key, theme);
  }
}
