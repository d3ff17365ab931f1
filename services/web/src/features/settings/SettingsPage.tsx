import { useState } from "react";
import { PageFrame } from "~/features/app/PageFrame";
import { chooseTheme, chosenTheme, type Theme } from "~/features/app/theme";
import { t } from "~/i18n/t";

const themes: readonly Theme[] = ["system", "light", "dark"];

export function SettingsPage() {
  const [theme, setTheme] = useState(chosenTheme);
  const choose = (next: Theme) => {
    chooseTheme(next);
    setTheme(next);
  };
  return (
    <PageFrame title={t("settings.title")}>
      <h2 className="mb-3 font-semibold">{t("settings.appearance")}</h2>
      <fieldset className="flex gap-5">
        <legend className="mb-1.5 text-ink-soft">{t("settings.theme")}</legend>
        {themes.map((value) => (
          <label key={value} className="flex items-center gap-2">
            <input type="radio" name="theme" className="size-4 accent-accent" checked={theme === value} onChange={() => choose(value)} />
            {t(`settings.theme.${value}`)}
          </label>
        ))}
      </fieldset>
    </PageFrame>
  );
}
