import { Bold, Code, Italic, Link, List, type LucideIcon, Strikethrough, TextQuote } from "lucide-react";
import type { RefObject } from "react";
import { type Key, t } from "~/i18n/t";
import { IconButton } from "~/ui/IconButton";
import { applyEdit } from "./apply-edit.client";
import { type Format, format } from "./markdown";

const formats = [
  ["bold", Bold],
  ["italic", Italic],
  ["strike", Strikethrough],
  ["code", Code],
  ["link", Link],
  ["quote", TextQuote],
  ["list", List],
] as const satisfies readonly (readonly [Format, LucideIcon])[];

export const FormatBar = ({ input }: { input: RefObject<HTMLTextAreaElement | null> }) => (
  <div role="toolbar" aria-label={t("composer.format")} className="hidden md:flex">
    {formats.map(([how, icon]) => (
      <IconButton
        key={how}
        icon={icon}
        size="small"
        label={t(`composer.${how}` satisfies Key)}
        // The field keeps its selection.
        onPointerDown={(event) => event.preventDefault()}
        onClick={() => {
          const field = input.current;
          if (field) applyEdit(field, format(field.value, field.selectionStart, field.selectionEnd, how));
        }}
      />
    ))}
  </div>
);
