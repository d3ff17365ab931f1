import { type Key, t } from "~/i18n/t";
import { Dialog } from "~/ui/Dialog";

const groups: readonly { title: Key; keys: readonly (readonly [Key, string])[] }[] = [
  {
    title: "keys.moving",
    keys: [
      ["keys.switcher", "Mod K"],
      ["keys.search", "Mod Shift F"],
      ["keys.next", "Alt ↓ ↑"],
      ["keys.nextUnread", "Alt Shift ↓ ↑"],
      ["keys.read", "Esc"],
      ["keys.help", "Mod /"],
    ],
  },
  {
    title: "keys.writing",
    keys: [
      ["keys.send", "Enter"],
      ["keys.line", "Shift Enter"],
      ["keys.editLast", "↑"],
      ["keys.bold", "Mod B"],
      ["keys.italic", "Mod I"],
      ["keys.code", "Mod E"],
      ["keys.link", "Mod K"],
      ["keys.mention", "@"],
      ["keys.emoji", ":"],
    ],
  },
];

export default function ShortcutsHelp({ onClose }: { onClose(): void }) {
  const mod = /Mac|iPhone|iPad/.test(navigator.userAgent) ? "⌘" : "Ctrl";
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title={t("keys.title")} wide>
      <div className="grid gap-6 md:grid-cols-2">
        {groups.map(({ title, keys }) => (
          <section key={title}>
            <h3 className="mb-2 font-semibold">{t(title as "keys.moving")}</h3>
            <dl>
              {keys.map(([what, combination]) => (
                <div key={what} className="flex items-center justify-between gap-3 border-line border-b py-1.5 last:border-0">
                  <dt>{t(what as "keys.send")}</dt>
                  <dd className="flex shrink-0 gap-1">
                    {combination.split(" ").map((key) => (
                      <kbd key={key} className="rounded-md border border-line bg-side px-1.5 py-0.5 font-sans text-xs">
                        {key === "Mod" ? mod : key}
                      </kbd>
                    ))}
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
