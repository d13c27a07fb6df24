// zpl_png.mjs FILE.zpl FILE.png WIDTH-MM HEIGHT-MM DOTS-PER-MM: draws a label like a printer would.
import { readFileSync, writeFileSync } from "node:fs";

const [from, to, width, height, dpmm] = process.argv.slice(2);
const { ready } = await import("zpl-renderer-js");
const { api } = await ready;
const png = await api.zplToBase64Async(readFileSync(from, "utf8"), Number(width), Number(height), Number(dpmm));

writeFileSync(to, Buffer.from(png, "base64"));
process.exit(0); // the renderer keeps the event loop alive
