// The dialects' titles, by name, as the server writes them into the page: a new dialect is named without a change here.

import { named } from "./format.js";

const written = typeof document === "undefined" ? null : document.querySelector('meta[name="dialects"]');

/** @type {Record<string, string>} */
export const dialects = named(JSON.parse(written?.getAttribute("content") || "{}"));
