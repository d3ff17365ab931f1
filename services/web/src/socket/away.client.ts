/** Milliseconds that a page may be hidden, or untouched, until nobody is there. */
const patience = 5 * 60_000;

/** Notices when nobody is at this tab any more, and when somebody is again; calls changed with what is so. Lives as long as the tab. */
export class Away {
  away = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #touched = 0;

  constructor(changed: (away: boolean) => void) {
    const set = (away: boolean) => {
      if (this.away === away) return;
      this.away = away;
      changed(away);
    };
    const somebody = () => {
      if (document.visibilityState === "hidden") return;
      // Once a second is often enough to hear of a mouse that moves.
      const now = performance.now();
      if (!this.away && now - this.#touched < 1000) return;
      this.#touched = now;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => set(true), patience);
      set(false);
    };
    for (const sign of ["pointermove", "pointerdown", "keydown", "wheel", "touchstart"])
      addEventListener(sign, somebody, { passive: true });
    document.addEventListener("visibilitychange", somebody);
    somebody();
  }
}
