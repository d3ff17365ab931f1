import { Check, Copy } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { t } from "~/i18n/t";
import { IconButton } from "~/ui/IconButton";

/** Longer code stays without colours: making them would hold up the page. */
const maxHighlighted = 6000;

/** Code in a box of its own. Its colours come later, and change nothing of its size. */
export function CodeBlock({ code, language }: { code: string; language: string }) {
  const [coloured, setColoured] = useState<ReactNode>();
  const [copied, setCopied] = useState(false);
  const name = language.trim().split(/\s/, 1)[0]?.toLowerCase() ?? "";

  useEffect(() => {
    if (name === "" || code.length > maxHighlighted) return;
    let gone = false;
    import("./highlight").then(
      ({ highlight }) => {
        if (!gone) setColoured(highlight(code, name));
      },
      () => {},
    );
    return () => {
      gone = true;
    };
  }, [code, name]);

  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [copied]);

  return (
    <div className="group/code relative my-0.5">
      <pre
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
        tabIndex={0}
        className="max-h-96 overflow-auto rounded-lg border border-line bg-side px-3 py-2 font-mono text-[13px] leading-[1.5]"
      >
        <code>{coloured ?? code}</code>
      </pre>
      <IconButton
        icon={copied ? Check : Copy}
        label={copied ? t("code.copied") : t("code.copy")}
        size="small"
        className="absolute top-1.5 right-1.5 bg-raised opacity-0 focus-visible:opacity-100 group-hover/code:opacity-100"
        onClick={() => void navigator.clipboard?.writeText(code).then(() => setCopied(true))}
      />
    </div>
  );
}
