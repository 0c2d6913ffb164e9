// Gives the page's own modules to the tests. Node takes a `.js` for a module only where a package.json says so.

import { register } from "node:module";

register(`data:text/javascript,${encodeURIComponent(`
  export async function load(url, context, next) {
    return next(url, url.includes("/tray_bridge/dashboard/") ? { ...context, format: "module" } : context);
  }
`)}`);

export const page = (name) => import(new URL(`../../../tray_bridge/dashboard/${name}.js`, import.meta.url).href);
