import { Check, Copy } from "lucide-react";
import { useId, useState } from "react";
import { t } from "~/i18n/t";
import { Button } from "./Button";

/** Something that is shown once, to be copied. */
export function Secret({ label, value, hint }: { label: string; value: string; hint?: string }) {
  const id = useId();
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard?.writeText(value);
    setCopied(true);
  };
  return (
    <div className="flex flex-col gap-1.5">
      <label htmlFor={id} className="font-medium">
        {label}
      </label>
      <div className="flex gap-2">
        <input
          id={id}
          readOnly
          value={value}
          onFocus={(event) => event.currentTarget.select()}
          className="h-9 min-w-0 flex-1 rounded-lg border border-line-strong bg-side px-3 font-mono text-[13px] outline-none focus:ring-2 focus:ring-selected"
        />
        <Button onClick={() => void copy()}>
          {copied ? <Check aria-hidden size={16} /> : <Copy aria-hidden size={16} />}
          {copied ? t("common.copied") : t("common.copy")}
        </Button>
      </div>
      {hint && (
        <p role="status" className="text-[13px] text-ink-soft">
          {hint}
        </p>
      )}
    </div>
  );
}
