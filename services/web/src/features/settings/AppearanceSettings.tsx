import { useState } from "react";
import { chooseDevice, type Density, device } from "~/features/app/device";
import { chooseTheme, chosenTheme, type Theme } from "~/features/app/theme";
import { t } from "~/i18n/all";
import { Group } from "~/ui/Group";

const themes: readonly Theme[] = ["system", "light", "dark"];
const densities: readonly Density[] = ["comfortable", "compact"];

export default function AppearanceSettings() {
  const [theme, setTheme] = useState(chosenTheme);
  const [{ density }, setDevice] = useState(device);
  return (
    <Group title={t("settings.appearance")} hint={t("settings.device")}>
      <Choice
        name="theme"
        label={t("settings.theme")}
        value={theme}
        options={themes.map((value) => ({ value, text: t(`settings.theme.${value}`) }))}
        onChange={(next) => {
          chooseTheme(next);
          setTheme(next);
        }}
      />
      <Choice
        name="density"
        label={t("settings.density")}
        value={density}
        options={densities.map((value) => ({ value, text: t(`settings.density.${value}`) }))}
        onChange={(next) => setDevice(chooseDevice({ density: next }))}
      />
    </Group>
  );
}

interface ChoiceProps<V extends string> {
  name: string;
  label: string;
  value: V;
  options: readonly { value: V; text: string }[];
  onChange(value: V): void;
}

function Choice<V extends string>({ name, label, value, options, onChange }: ChoiceProps<V>) {
  return (
    <fieldset>
      <legend className="mb-2 font-medium">{label}</legend>
      <div className="flex flex-wrap gap-2">
        {options.map((option) => (
          <label
            key={option.value}
            className="flex h-10 cursor-pointer items-center gap-2.5 rounded-lg border border-line px-3 hover:bg-hover has-checked:border-accent-ink has-checked:bg-selected"
          >
            <input
              type="radio"
              name={name}
              className="size-4 accent-accent"
              checked={value === option.value}
              onChange={() => onChange(option.value)}
            />
            {option.text}
          </label>
        ))}
      </div>
    </fieldset>
  );
}
