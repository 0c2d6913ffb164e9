// The dialects' titles, by name, as the server writes them into the page: a new dialect is named without a change here.

const written = typeof document === "undefined" ? null : document.querySelector('meta[name="dialects"]');

/** @type {Record<string, string>} */
export const dialects = JSON.parse(written?.getAttribute("content") || "{}");
