// What somebody chose for this browser. Other tabs hear of it.
export type Density = "comfortable" | "compact";

export interface Device {
  /** Show desktop notifications; the browser has a say, too. */
  notifications: boolean;
  sound: boolean;
  density: Density;
}

const key = "natter-device";
const usual: Device = { notifications: true, sound: false, density: "comfortable" };

export function device(): Device {
  try {
    return { ...usual, ...JSON.parse(localStorage.getItem(key) ?? "{}") };
  } catch {
    return usual;
  }
}

export function chooseDevice(change: Partial<Device>): Device {
  const next = { ...device(), ...change };
  try {
    localStorage.setItem(key, JSON.stringify(next));
  } catch {
    // It holds until the page is closed.
  }
  document.documentElement.dataset.density = next.density;
  return next;
}

/** Runs in the page before anything is drawn. */
export const applyDensityEarly = `try{const d=JSON.parse(localStorage.getItem("${key}")||"{}").density;if(d)document.documentElement.dataset.density=d}catch{}`;
