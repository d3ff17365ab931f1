// TanStack Start brings a serialiser, for server functions and for what a rendering server streams: 8 KiB (gzip) that every browser would
// load. This client has neither; the page of the build carries nothing to read.
import type { Plugin } from "vite";

const id = "\0no-serialiser";

/** A name that a newer version of Start wants and is missing here fails the build. */
const code = `
const none = () => { throw new Error("this client has no server functions"); };
export const createPlugin = (plugin) => plugin;
export const createStream = none;
export const fromCrossJSON = none;
export const toJSONAsync = none;
export const ReadableStreamPlugin = {};
`;

export const withoutSerialiser = (): Plugin => ({
  name: "natter:without-serialiser",
  enforce: "pre",
  apply: "build",
  applyToEnvironment: ({ name }) => name === "client",
  resolveId: (source) => (/^seroval(-plugins)?(\/|$)/.test(source) ? id : undefined),
  load: (loaded) => (loaded === id ? code : undefined),
});
