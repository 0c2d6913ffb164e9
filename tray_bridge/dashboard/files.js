// Pictures and files of the log, as the data that a request holds.

import { blobUrl } from "./conversation.js";

const BLOB = /^blob:([0-9a-f]{64}\.(\w+))$/;
/** @type {Record<string, string>} */
const types = { png: "image/png", jpg: "image/jpeg", gif: "image/gif", webp: "image/webp", pdf: "application/pdf", txt: "text/plain" };

/**
 * A picture or file of the log, or base64 that came without one, as a data URL.
 * @param {string} source
 * @param {string} type
 * @returns {Promise<string>}
 */
export async function dataUrl(source, type) {
  const [, name = "", ending = ""] = BLOB.exec(source) ?? [];
  if (!name) return `data:${type};base64,${source}`;
  const response = await fetch(blobUrl(name), { headers: { "x-tray-bridge": "1" } });
  const content = new Blob([await response.arrayBuffer()], { type: type || (types[ending] ?? "application/octet-stream") });
  return new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.readAsDataURL(content);
  });
}

/**
 * A request with its files in place again, as the client sent it.
 * @param {any} value
 * @returns {Promise<any>}
 */
export async function whole(value, name = "") {
  // The pictures of Ollama's messages are bare base64.
  if (Array.isArray(value)) return Promise.all(value.map((item) => whole(item, name === "images" ? "data" : "")));
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(await Promise.all(Object.entries(value).map(async ([key, item]) => [key, await whole(item, key)])));
  }
  if (typeof value !== "string" || !BLOB.test(value)) return value;
  const url = await dataUrl(value, "");
  return name === "data" ? url.slice(url.indexOf(",") + 1) : url;
}
