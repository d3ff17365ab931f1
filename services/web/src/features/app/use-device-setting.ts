import { useCallback, useSyncExternalStore } from "react";

/** A setting of this device, as JSON in localStorage; all tabs and components have the same. What is not there or not readable is `initial`. */
export function useDeviceSetting<T>(name: string, initial: T): [T, (value: T) => void] {
  const key = `natter-${name}`;
  const stored = useSyncExternalStore(
    useCallback((changed) => {
      addEventListener("storage", changed);
      return () => removeEventListener("storage", changed);
    }, []),
    () => read(key),
  );
  return [parse(stored, initial), (value) => writeDeviceSetting(name, value)];
}

export const deviceSetting = <T>(name: string, initial: T): T => parse(read(`natter-${name}`), initial);

export function writeDeviceSetting(name: string, value: unknown): void {
  try {
    localStorage.setItem(`natter-${name}`, JSON.stringify(value));
  } catch {
    return; // full, or forbidden: the setting stays as it was
  }
  // Browsers tell only the other tabs.
  dispatchEvent(new StorageEvent("storage", { key: `natter-${name}`, newValue: JSON.stringify(value) }));
}

function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function parse<T>(stored: string | null, initial: T): T {
  try {
    return stored === null ? initial : (JSON.parse(stored) as T);
  } catch {
    return initial;
  }
}
