import { useSyncExternalStore } from "react";

const hasFocus = () => document.visibilityState === "visible" && document.hasFocus();

function subscribe(changed: () => void): () => void {
  addEventListener("focus", changed);
  addEventListener("blur", changed);
  document.addEventListener("visibilitychange", changed);
  return () => {
    removeEventListener("focus", changed);
    removeEventListener("blur", changed);
    document.removeEventListener("visibilitychange", changed);
  };
}

/** Whether somebody looks at this tab. */
export const usePageFocus = (): boolean => useSyncExternalStore(subscribe, hasFocus);
