import type { Edit } from "./markdown";

/** Changes a textarea as typing would: it can be undone, and its change event comes. */
export function applyEdit(field: HTMLTextAreaElement, { from, to, insert, start, end }: Edit): void {
  field.focus();
  field.setSelectionRange(from, to);
  // Deprecated, and the only way that keeps the history of changes.
  const done = insert === "" ? from === to || document.execCommand("delete") : document.execCommand("insertText", false, insert);
  if (!done) {
    field.setRangeText(insert, from, to, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
  field.setSelectionRange(start, end);
}
