import { useEffect, useState } from "react";

/** A value once it has stayed the same for a while, in milliseconds: what somebody has typed. */
export function useDebounced<T>(value: T, wait = 200): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), wait);
    return () => clearTimeout(timer);
  }, [value, wait]);
  return settled;
}
