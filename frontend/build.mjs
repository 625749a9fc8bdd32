// Builds the look of the web: Sass to one stylesheet, the libraries' ES modules, the few icons they name.
// Everything goes into a folder named after its contents, so that browsers may keep it for ever;
// manifest.json says which folder is the current one. Older folders go. Text is compressed here, once: these files
// hold no secret, so nothing can be read out of their length, and no page is compressed while it is served.
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";

import * as sass from "sass";

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);
const modules = join(root, "node_modules");
const built = join(root, "victim_gateway", "static", "built");

const copies = [
  [join(here, "app.js"), "app.js"],
  [join(here, "drafts.js"), "drafts.js"],
  [join(modules, "govuk-frontend/dist/govuk/govuk-frontend.min.js"), "govuk-frontend.min.js"],
  [join(modules, "@ministryofjustice/frontend/moj/moj-frontend.min.js"), "moj-frontend.min.js"],
];

function stylesheet() {
  return sass.compile(join(here, "app.scss"), {
    loadPaths: [root],
    style: "compressed",
    quietDeps: true,
    // A warning about a library's own use of its sister library is not ours to mend.
    logger: {
      warn(message, { stack }) {
        if (!stack?.includes("node_modules/@ministryofjustice")) console.warn(message);
      },
    },
  }).css;
}

/** The images that the stylesheet names; one that nobody has is an error, not a broken picture. */
async function images(css) {
  const names = [...new Set([...css.matchAll(/url\("?images\/([^")]+)"?\)/g)].map((match) => match[1]))];
  return Promise.all(
    names.map(async (name) => [
      `images/${name}`,
      await readFile(join(modules, "@ministryofjustice/frontend/moj/assets/images", name)),
    ]),
  );
}

async function collect() {
  const css = stylesheet();
  const files = [["app.css", Buffer.from(css)], ...(await images(css))];
  for (const [from, to] of copies) {
    const text = (await readFile(from, "utf8")).replace(/\/\/# sourceMappingURL=.*$/m, "");
    files.push([to, Buffer.from(text)]);
  }
  for (const name of await readdir(join(here, "images"))) {
    files.push([`images/${name}`, await readFile(join(here, "images", name))]);
  }
  return files.sort(([a], [b]) => a.localeCompare(b));
}

const files = await collect();
const hash = createHash("sha256");
for (const [name, bytes] of files) hash.update(name).update("\0").update(bytes);
const folder = hash.digest("hex").slice(0, 12);

const fresh = join(built, `.${folder}`);
await rm(fresh, { recursive: true, force: true });
for (const [name, bytes] of files) {
  await mkdir(dirname(join(fresh, name)), { recursive: true });
  await writeFile(join(fresh, name), bytes);
  if (/\.(css|js|svg)$/.test(name)) {
    await writeFile(join(fresh, `${name}.br`), brotliCompressSync(bytes));
    await writeFile(join(fresh, `${name}.gz`), gzipSync(bytes, { level: 9 }));
  }
}
await rm(join(built, folder), { recursive: true, force: true });
await rename(fresh, join(built, folder));
await writeFile(join(built, "manifest.json.new"), JSON.stringify({ folder }) + "\n");
await rename(join(built, "manifest.json.new"), join(built, "manifest.json"));
for (const old of await readdir(built)) {
  if (old !== folder && old !== "manifest.json") await rm(join(built, old), { recursive: true, force: true });
}
console.log(`built ${files.length} files into victim_gateway/static/built/${folder}`);
