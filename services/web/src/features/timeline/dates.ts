const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

/** The time of a timestamp where the reader is. */
export const timeOfDay = (at: string): string => clock.format(new Date(at));
